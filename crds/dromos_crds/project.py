# SPDX-License-Identifier: Apache-2.0
"""Project: what may leave. The profile's content is read by the de-identification engine."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from dromos_crds.fields import REDIS_PATTERN, Duration, KeySelector, LocalReference, Name, Part, Text
from dromos_crds.metadata import Resource
from dromos_crds.profile import Profile
from dromos_crds.rules import Rule, rules
from dromos_crds.stow import OAuth2


class ProfileSource(Part):
    """A profile file in a ConfigMap."""

    config_map_key_ref: KeySelector = Field(description="The ConfigMap and the key that hold the profile.")


class Redis(Part):
    """A pseudonym store that all pods share."""

    url: str = Field(max_length=2048, pattern=REDIS_PATTERN, description="Redis or Valkey.")
    secret_ref: LocalReference | None = Field(None, description="Secret with the keys username and password.")
    ttl: Duration = Field("0s", description="How long a pseudonym lives; 0s for ever.")


class Pseudonyms(Part):
    """Where the stored pseudonyms are; exactly one."""

    model_config = rules(
        Rule("has(self.secretKeyRef) != has(self.redis)", "exactly one of secretKeyRef and redis is needed")
    )

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

    model_config = rules(
        Rule("has(self.profile) != has(self.profileFrom)", "exactly one of profile and profileFrom is needed")
    )

    description: Text = Field("", description="What this project is, for people.")
    profile: Profile | None = Field(None, description="The profile itself; this or profileFrom.")
    profile_from: ProfileSource | None = Field(None, description="Where the profile is; this or profile.")
    compatibility: Literal["Strict", "Karnak"] = Field("Strict", description="Strict repairs what leaks in Karnak.")
    uncleanable: Literal["Hold", "Exclude", "Allow"] = Field("Hold", description="SOP classes that can't be cleaned.")
    secret_ref: LocalReference | None = Field(None, description="The project's keys; made when absent.")
    pseudonyms: Pseudonyms | None = Field(None, description="Where the stored pseudonyms are.")
    auth_configs: tuple[AuthConfig, ...] = Field(
        (),
        max_length=64,
        description="Authorisation for API actions, each with a name of its own.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )

    @field_validator("auth_configs")
    @classmethod
    def _names_differ(cls, configs: tuple[AuthConfig, ...]) -> tuple[AuthConfig, ...]:
        names = [config.name for config in configs]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"each needs a name of its own; {', '.join(doubled)} stands here twice")
        return configs

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
