# SPDX-License-Identifier: Apache-2.0
"""Destination: where images go, and under which conditions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from dromos_crds.durations import parse_duration
from dromos_crds.fields import (
    DURATION_PATTERN,
    TEMPLATE_URL_PATTERN,
    UID,
    AETitle,
    Duration,
    Expression,
    Hostname,
    LocalReference,
    MailAddress,
    Name,
    Part,
    Port,
    Text,
    WebURL,
)
from dromos_crds.metadata import Resource
from dromos_crds.rules import Rule, field_rules, rules
from dromos_crds.stow import Stow
from dromos_crds.tls import ClientTLS


class Dicom(Part):
    """A destination that speaks DICOM."""

    ae_title: AETitle = Field(description="Called AE title.")
    hostname: Hostname = Field(description="Host name or address.")
    port: Port = Field(description="Port.")
    use_destination_ae_title: bool = Field(
        False,
        alias="useDestinationAETitle",
        description="Call with the destination's AE title instead of the ForwardNode's.",
    )
    concurrency: int = Field(2, ge=1, le=64, description="Associations at a time.")
    tls: ClientTLS | None = Field(None, description="DICOM TLS to the destination.")


class TransferSyntax(Part):
    """What is transcoded before it is sent."""

    uid: UID = Field(description="Transfer syntax to send in.")
    only_uncompressed: bool = Field(True, description="Leave what is compressed already as it is.")


class ProjectUse(Part):
    """The Project whose profile is applied."""

    project_ref: LocalReference = Field(description="The Project.")


class StoredPseudonym(Part):
    """The pseudonym is among the project's stored ones."""


class TagPseudonym(Part):
    """The pseudonym is in a tag of the instance."""

    tag: str = Field(min_length=4, max_length=64, description="The tag, for example (0012,0040).")
    delimiter: str | None = Field(None, max_length=16, description="Splits the value.")
    position: int | None = Field(None, ge=0, le=1000, description="Which part of the split value, from zero.")


class APIPseudonym(Part):
    """The pseudonym is asked of an external service."""

    url: Annotated[str, Field(max_length=4096, pattern=TEMPLATE_URL_PATTERN)] = Field(
        description="URL, a template: {{ }} holds an expression."
    )
    method: Literal["GET", "POST"] = Field("GET", description="HTTP method.")
    body: str = Field("", max_length=16384, description="Request body, a template.")
    response_path: str = Field("", max_length=1024, description="JSON pointer into the answer.")
    auth_config: Name | None = Field(None, description="An authConfig of the Project.")


class Pseudonym(Part):
    """Where the pseudonym comes from; exactly one way."""

    model_config = rules(
        Rule(
            "[has(self.stored), has(self.tag), has(self.api)].filter(way, way).size() == 1",
            "exactly one of stored, tag and api is needed",
        )
    )

    stored: StoredPseudonym | None = Field(None, description="From the project's pseudonyms.")
    tag: TagPseudonym | None = Field(None, description="From a tag of the instance.")
    api: APIPseudonym | None = Field(None, description="From an external service.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(way is not None for way in (self.stored, self.tag, self.api)) != 1:
            raise ValueError("exactly one of stored, tag and api is needed")
        return self


class Deidentification(ProjectUse):
    """De-identification with a Project's profile."""

    default_issuer_of_patient_id: str | None = Field(
        None, alias="defaultIssuerOfPatientID", max_length=64, description="Used where the instance has no issuer."
    )
    pseudonym: Pseudonym = Field(description="Where the pseudonym comes from.")


class Webhook(Part):
    """A web address that is told what mails tell."""

    url: WebURL = Field(description="URL that is posted to.")
    secret_ref: LocalReference | None = Field(None, description="Secret for its authorisation.")


class Notifications(Part):
    """Who is told what was forwarded."""

    recipients: tuple[MailAddress, ...] = Field((), max_length=100, description="Mail addresses.")
    error_subject_prefix: str = Field("**ERROR**", max_length=256, description="Prefix when something failed.")
    rejection_subject_prefix: str = Field("**REJECTED**", max_length=256, description="Prefix when rejected.")
    subject_pattern: str = Field("[Dromos Notification] %s %.30s", max_length=1024, description="Java format string.")
    subject_values: tuple[Annotated[str, Field(max_length=64)], ...] = Field(
        ("PatientID", "StudyDescription"), max_length=32, description="Attributes put into the pattern."
    )
    interval: Duration = Field("45s", description="How long instances are gathered for one mail.")
    webhook: Webhook | None = Field(None, description="The same content, posted as JSON.")


_TOO_SHORT = "at least 1s is needed: an image that may not wait would never be tried"


class Retry(Part):
    """How long delivery is tried."""

    max_age: Duration = Field(
        "168h",
        description="An instance that is waiting for longer becomes a dead letter; at least 1s.",
        json_schema_extra=field_rules(
            Rule(f'!self.matches(r"{DURATION_PATTERN}") || duration(self) >= duration("1s")', _TOO_SHORT)
        ),
    )

    @field_validator("max_age")
    @classmethod
    def _at_least(cls, max_age: str) -> str:
        if parse_duration(max_age) < 1:
            raise ValueError(f"{max_age!r}: {_TOO_SHORT}")
        return max_age


class DestinationSpec(Part):
    """Where images go, and under which conditions."""

    model_config = rules(
        Rule("has(self.dicom) != has(self.stow)", "exactly one of dicom and stow is needed"),
        Rule(
            "!has(self.deidentification) || !has(self.tagMorphing)",
            "at most one of deidentification and tagMorphing may be given",
        ),
    )

    forward_node_ref: LocalReference = Field(
        description="The ForwardNode whose images are sent; cannot be changed.",
        json_schema_extra=field_rules(
            Rule("self == oldSelf", "forwardNodeRef cannot be changed; make a new Destination instead")
        ),
    )
    description: Text = Field("", description="What this destination is, for people.")
    enabled: bool = Field(True, description="When false, what comes in is excluded and what is queued waits.")
    suspend: bool = Field(False, description="Maintenance: goes on queueing, sends nothing.")
    condition: Expression | None = Field(None, description="Which instances are sent; all when absent.")
    dicom: Dicom | None = Field(None, description="A destination that speaks DICOM; this or stow.")
    stow: Stow | None = Field(None, description="A destination that speaks DICOMweb; this or dicom.")
    transfer_syntax: TransferSyntax | None = Field(None, description="What to transcode; the original when absent.")
    authorized_sop_classes: Annotated[tuple[UID, ...], Field(min_length=1, max_length=512)] | None = Field(
        None, alias="authorizedSOPClasses", description="SOP classes that may be sent; all when absent."
    )
    deidentification: Deidentification | None = Field(None, description="De-identification; this or tagMorphing.")
    tag_morphing: ProjectUse | None = Field(None, description="Tag morphing; this or deidentification.")
    notifications: Notifications | None = Field(None, description="Who is told what was forwarded.")
    retry: Retry = Field(default_factory=Retry, description="How long delivery is tried.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if self.dicom is not None and self.stow is not None:
            raise ValueError("dicom and stow exclude each other; exactly one of dicom and stow is needed")
        if self.dicom is None and self.stow is None:
            raise ValueError("exactly one of dicom and stow is needed")
        if self.deidentification is not None and self.tag_morphing is not None:
            raise ValueError("deidentification and tagMorphing exclude each other")
        return self


class Destination(Resource):
    """A Destination object."""

    api_version: Literal["dromos.dev/v1alpha1"]
    kind: Literal["Destination"]
    spec: DestinationSpec
