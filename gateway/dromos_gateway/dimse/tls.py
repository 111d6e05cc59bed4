# SPDX-License-Identifier: Apache-2.0
"""TLS for DICOM: the BCP 195 secure transport connection profile (PS3.15 B.12; RFC 8996, RFC 9325).

TLS 1.2 or later, and of 1.2 only ephemeral keys with authenticated encryption. Certificates and keys come as PEM bytes,
as a Secret holds them, and nothing here writes them to a disk.
"""

from __future__ import annotations

import os
import ssl
from enum import Enum

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class ClientAuthentication(Enum):
    """Whether a peer that connects must show a certificate."""

    Nothing = "None"
    Request = "Request"  # one that is shown must be good
    Require = "Require"


class InvalidTlsMaterial(ValueError):
    """A certificate, a key or a CA cannot be used. The message names which, and never shows it."""


def server_context(
    *,
    certificate: bytes,
    key: bytes,
    client_ca: bytes | None = None,
    client_authentication: ClientAuthentication = ClientAuthentication.Nothing,
) -> ssl.SSLContext:
    """Make the context of an acceptor. InvalidTlsMaterial."""
    context = _restricted(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    _load_chain(context, certificate, key)
    if client_authentication is ClientAuthentication.Nothing:
        return context
    if client_ca is None:
        raise InvalidTlsMaterial("client certificates are asked for, but there is no CA to check them with")
    _load_ca(context, client_ca)
    require = client_authentication is ClientAuthentication.Require
    context.verify_mode = ssl.CERT_REQUIRED if require else ssl.CERT_OPTIONAL
    return context


def client_context(
    *,
    ca: bytes | None = None,
    certificate: bytes | None = None,
    key: bytes | None = None,
    into: ssl.SSLContext | None = None,
) -> ssl.SSLContext:
    """Make the context of a requestor; without a CA, the system's are trusted. InvalidTlsMaterial.

    The server's name is always checked: it is the host, or `Peer.server_name`. `into` is a new context of a subclass.
    """
    context = _restricted(into if into is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_ca(context, ca)
    if certificate is not None or key is not None:
        if certificate is None or key is None:
            raise InvalidTlsMaterial("a client certificate needs its key, and a key its certificate")
        _load_chain(context, certificate, key)
    return context


def _restricted(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


def _load_ca(context: ssl.SSLContext, pem: bytes) -> None:
    try:
        context.load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise InvalidTlsMaterial("the CA is not one or more certificates in PEM") from None


def _load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL's binding reads a chain from files only; this one lives in memory and has no name.
    descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(certificate.rstrip(b"\n") + b"\n" + key)
        # A key with a password would make OpenSSL ask on the terminal; this makes it fail.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=lambda: "")
    except ssl.SSLError as error:
        what = "do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "are not both readable PEM"
        raise InvalidTlsMaterial(f"the certificate and its private key {what}") from None
    except (OSError, ValueError):
        raise InvalidTlsMaterial("the certificate and its private key are not both readable PEM") from None
    finally:
        os.close(descriptor)
