# SPDX-License-Identifier: Apache-2.0
"""Object metadata and the two core kinds that manifests bring along: Secret and ConfigMap."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from dromos_crds.fields import Name

# metav1.ObjectMeta; the API server refuses any other field when kubectl validates
METADATA_FIELDS = (
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)


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
        plain, encoded = (_mapping(values, field) for field in ("stringData", "data"))
        data = {key: _decoded(key, text) for key, text in encoded.items()}
        for key, text in plain.items():
            if not isinstance(text, str):
                raise ValueError(f"stringData.{key} must be text; quote it")  # noqa: TRY004 - pydantic gathers ValueErrors
            data[key] = text.encode()
        return {**values, "data": data}


def _mapping(values: dict[str, Any], field: str) -> dict[str, Any]:
    found = values.get(field)
    if found is not None and not isinstance(found, dict):
        raise ValueError(f"{field} must be a mapping")
    return found or {}


def _decoded(key: str, text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        if isinstance(text, str):
            # Kubernetes' own decoder passes over line breaks, which long values in manifests have
            return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        pass
    # the value itself stays out of the message: it is a secret
    raise ValueError(f"data.{key} is not base64; use stringData for plain text")


class ConfigMap(Resource):
    """A ConfigMap's text entries."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    data: Mapping[str, str] = Field(default_factory=dict)
