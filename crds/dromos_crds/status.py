# SPDX-License-Identifier: Apache-2.0
"""Statuses of the three kinds: the operator writes them, the CRDs describe them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dromos_crds.fields import Part

Time = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]


class Condition(Part):
    """One condition, as in metav1.Condition."""

    type: str = Field(max_length=316, description="Accepted, ResolvedRefs, Programmed or Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    reason: str = Field(max_length=1024, description="Why, as one word for machines.")
    message: str = Field("", max_length=32768, description="Why, for people; names the field where there is one.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: Count | None = Field(None, description="Generation of the object that this is about.")


class Status(Part):
    """What all statuses have."""

    observed_generation: Count | None = Field(None, description="Generation of the object that this status is about.")
    conditions: tuple[Condition, ...] = Field(
        (),
        max_length=16,
        description="Accepted: the object makes sense. ResolvedRefs: what it names is there. Programmed: every pod has "
        "acknowledged this very configuration. Ready: it works.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


class SpoolUse(Part):
    """How full the spools are."""

    used_bytes: Count | None = Field(None, description="Bytes in all spools together.")
    limit_bytes: Count | None = Field(None, description="Bytes that all spools together can keep.")
    instances: Count | None = Field(None, description="Instances in all spools together.")


class ForwardNodeStatus(Status):
    """How a ForwardNode stands."""

    destinations: Count | None = Field(None, description="Number of Destinations that name this ForwardNode.")
    replicas: Count | None = Field(None, description="Number of pods.")
    ready_replicas: Count | None = Field(None, description="Number of pods that take associations.")
    selector: str | None = Field(None, max_length=4096, description="Label selector of the pods, for autoscalers.")
    spool: SpoolUse | None = Field(None, description="How full the spools are.")


class Queue(Part):
    """What a Destination has before it."""

    waiting: Count | None = Field(None, description="Instances that are still to be sent.")
    failed: Count | None = Field(None, description="Instances given up, kept as dead letters that can be replayed.")
    oldest: Time | None = Field(None, description="When the instance that waits longest came in.")


class AppliedProfile(Part):
    """The profile that is in force."""

    name: str | None = Field(None, max_length=1024, description="Name of the profile.")
    version: str | None = Field(None, max_length=1024, description="Version of the profile.")
    digest: str | None = Field(None, max_length=128, description="Digest of the profile's content.")
    secret_fingerprint: str | None = Field(None, max_length=128, description="Fingerprint of the key that is in use.")
    applied_at: Time | None = Field(None, description="Since when it has been in force.")


class DestinationStatus(Status):
    """How a Destination stands."""

    target: str | None = Field(None, max_length=2048, description="Host and port, or URL, that images are sent to.")
    queue: Queue | None = Field(None, description="What is before it.")
    reachable: bool | None = Field(
        None, description="Whether it answers the pods: transfers, else C-ECHO or OPTIONS; absent while not known."
    )
    last_transfer_time: Time | None = Field(None, description="When an instance was last delivered.")
    last_error: str | None = Field(None, max_length=4096, description="Why the last transfer failed, in peer's words.")
    profile: AppliedProfile | None = Field(None, description="The profile that is in force.")


class ProjectStatus(Status):
    """How a Project stands."""

    used_by: tuple[Annotated[str, Field(max_length=253)], ...] | None = Field(
        None,
        max_length=10000,
        description="Destinations that use this Project.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
