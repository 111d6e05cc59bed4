# SPDX-License-Identifier: Apache-2.0
"""TLS towards a destination, DICOM and HTTPS alike."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from dromos_crds.fields import HOSTNAME_PATTERN, PATTERN_MEANING, LocalReference, Name, Part, SecretKey


class CAReference(Part):
    """Where the certificate authority's certificate is."""

    kind: Literal["Secret", "ConfigMap"] = Field("Secret", description="Kind of the object.")
    name: Name = Field(description="Name of the object, in the same namespace.")
    key: SecretKey = Field("ca.crt", description="Key in the object's data.")


class ClientTLS(Part):
    """How the connection to a destination is protected."""

    server_name: str = Field("", max_length=253, description="Name the server's certificate must have; else the host.")
    ca_ref: CAReference | None = Field(None, description="Private certificate authority; else the system's.")
    certificate_secret_ref: LocalReference | None = Field(
        None, description="Secret of type kubernetes.io/tls with our own certificate."
    )

    @field_validator("server_name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if name and not re.fullmatch(HOSTNAME_PATTERN, name):
            raise ValueError(f"{name!r} is not allowed: {PATTERN_MEANING[HOSTNAME_PATTERN]}")
        return name
