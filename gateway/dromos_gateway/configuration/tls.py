# SPDX-License-Identifier: Apache-2.0
"""TLS contexts from what the manifests' Secrets hold."""

from __future__ import annotations

from ssl import SSLContext

from dromos_gateway.configuration.settings import TLSMaterial
from dromos_gateway.dimse.tls import ClientAuthentication, client_context, server_context


def listener_tls(material: TLSMaterial) -> SSLContext:
    """For the acceptor. InvalidTlsMaterial."""
    return server_context(
        certificate=material.certificate,
        key=material.key,
        client_ca=material.authorities,
        client_authentication=ClientAuthentication(material.client_authentication),
    )


def client_tls(material: TLSMaterial) -> SSLContext:
    """For a destination. InvalidTlsMaterial."""
    return client_context(ca=material.authorities, certificate=material.certificate or None, key=material.key or None)
