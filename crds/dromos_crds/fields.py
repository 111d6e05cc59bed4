# SPDX-License-Identifier: Apache-2.0
"""The building blocks of the three kinds: a frozen model and the value types that carry their bounds.

Every bound here ends in the CRD's schema and in `dromos validate`: one place, two enforcers.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A frozen piece of a manifest; attributes are snake_case, manifests camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


# PS3.5 Table 6.2-1, VR AE: 16 characters, no backslash, no control character, not only spaces.
AE_TITLE_PATTERN = r"^[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*$"
AETitle = Annotated[str, Field(min_length=1, max_length=16, pattern=AE_TITLE_PATTERN)]
# PS3.5 §9.1
UID = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$")]
Hostname = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9_.:\-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")]
Text = Annotated[str, Field(max_length=1024)]
Expression = Annotated[str, Field(max_length=4096)]
# a number and one unit, as Go and Kubernetes write them: 45s, 60m, 168h
Duration = Annotated[str, Field(max_length=16, pattern=r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$")]
Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$")]
WebURL = Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://[^\s/@]+(/[^\s]*)?$")]


class LocalReference(Part):
    """The name of an object in the same namespace."""

    name: Name = Field(description="Name of the object, in the same namespace.")


class KeySelector(Part):
    """One key of a Secret or ConfigMap in the same namespace."""

    name: Name = Field(description="Name of the object, in the same namespace.")
    key: SecretKey = Field(description="Key in the object's data.")


class FromSecret(Part):
    """A value that is read from a Secret."""

    secret_key_ref: KeySelector = Field(description="The Secret and the key that hold the value.")
