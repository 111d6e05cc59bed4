# SPDX-License-Identifier: Apache-2.0
"""Object metadata and the two core kinds that manifests bring along: Secret and ConfigMap."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from dromos_crds.fields import Name


class ObjectMeta(BaseModel):
    """What Dromos reads of an object's metadata; the rest is Kubernetes' own and ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    name: Name
    namespace: Name = "default"
    uid: str | None = None
    generation: int = 0
    resource_version: str | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    deletion_timestamp: str | None = None


class Resource(BaseModel):
    """An object of any kind: who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    api_version: str
    kind: str
    metadata: ObjectMeta
    status: Any = Field(default=None, exclude=True, repr=False)


class Secret(Resource):
    """A Secret; `data` is decoded, and never shown by repr."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    type: str = "Opaque"
    data: Mapping[str, bytes] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _decode(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        data: dict[str, bytes] = {}
        for key, text in (values.get("data") or {}).items():
            try:
                data[key] = text if isinstance(text, bytes) else base64.b64decode(text, validate=True)
            except (ValueError, TypeError):
                # the value itself stays out of the message: it is a secret
                raise ValueError(f"data.{key} is not base64; use stringData for plain text") from None
        for key, text in (values.get("stringData") or {}).items():
            data[key] = str(text).encode()
        return {**values, "data": data}


class ConfigMap(Resource):
    """A ConfigMap's text entries."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    data: Mapping[str, str] = Field(default_factory=dict)
