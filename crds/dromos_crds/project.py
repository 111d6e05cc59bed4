# SPDX-License-Identifier: Apache-2.0
"""Project: what may leave. The profile's content is read by the de-identification engine."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from dromos_crds.fields import Duration, KeySelector, LocalReference, Name, Part, Text
from dromos_crds.metadata import Resource
from dromos_crds.stow import OAuth2


class Profile(Part):
    """A Karnak profile."""

    name: Text = Field("", description="Name of the profile.")
    version: str | int | float = Field("", description="Version of the profile.")
    minimum_karnak_version: str | int | float = Field("", description="Kept for Karnak's sake.")
    default_issuer_of_patient_id: str | None = Field(
        None, alias="defaultIssuerOfPatientID", max_length=64, description="Used where the instance has no issuer."
    )
    profile_elements: tuple[dict[str, Any], ...] = Field((), max_length=512, description="The rules, first match wins.")
    masks: tuple[dict[str, Any], ...] = Field((), max_length=1024, description="Rectangles for clean.pixel.data.")


class ProfileSource(Part):
    """A profile file in a ConfigMap."""

    config_map_key_ref: KeySelector = Field(description="The ConfigMap and the key that hold the profile.")


class Redis(Part):
    """A pseudonym store that all pods share."""

    url: str = Field(max_length=2048, pattern=r"^rediss?://[^\s@]+$", description="Redis or Valkey.")
    secret_ref: LocalReference | None = Field(None, description="Secret with the keys username and password.")
    ttl: Duration = Field("0s", description="How long a pseudonym lives; 0s for ever.")


class Pseudonyms(Part):
    """Where the stored pseudonyms are; exactly one."""

    secret_key_ref: KeySelector | None = Field(None, description="CSV in a Secret.")
    redis: Redis | None = Field(None, description="A Redis server.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.secret_key_ref is None) == (self.redis is None):
            raise ValueError("exactly one of secretKeyRef and redis is needed")
        return self


class AuthConfig(Part):
    """Authorisation for a profile's API actions."""

    name: Name = Field(description="What profiles call it.")
    oauth2: OAuth2 = Field(description="OAuth 2.0 client credentials.")


class ProjectSpec(Part):
    """What may leave."""

    description: Text = Field("", description="What this project is, for people.")
    profile: Profile | None = Field(None, description="The profile itself; this or profileFrom.")
    profile_from: ProfileSource | None = Field(None, description="Where the profile is; this or profile.")
    compatibility: Literal["Strict", "Karnak"] = Field("Strict", description="Strict repairs what leaks in Karnak.")
    uncleanable: Literal["Hold", "Exclude", "Allow"] = Field("Hold", description="SOP classes that can't be cleaned.")
    secret_ref: LocalReference | None = Field(None, description="The project's keys; made when absent.")
    pseudonyms: Pseudonyms | None = Field(None, description="Where the stored pseudonyms are.")
    auth_configs: tuple[AuthConfig, ...] = Field((), max_length=64, description="Authorisation for API actions.")

    @model_validator(mode="after")
    def _exactly_one_profile(self) -> Self:
        if (self.profile is None) == (self.profile_from is None):
            raise ValueError("exactly one of profile and profileFrom is needed")
        return self


class Project(Resource):
    """A Project object."""

    api_version: Literal["dromos.dev/v1alpha1"]
    kind: Literal["Project"]
    spec: ProjectSpec
