# SPDX-License-Identifier: Apache-2.0
"""What is in Secrets and ConfigMaps among the manifests: certificates to read, credentials to send.

Only those that are there are looked into; `meaning` says which are not, and which lack a key.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from dromos_crds import credentials, reasons, references
from dromos_crds.credentials import Unusable
from dromos_crds.destination import Destination
from dromos_crds.document import Document
from dromos_crds.forwardnode import ForwardNode
from dromos_crds.manifests import Manifests
from dromos_crds.metadata import ConfigMap, Secret
from dromos_crds.problems import Problem
from dromos_crds.project import Project
from dromos_crds.references import Reference

_PEM_KEYS = frozenset(references.PAIR)


def check(manifests: Manifests) -> tuple[Problem, ...]:
    """Every value that is named for a purpose it cannot serve."""
    held = {
        document.identity: document.object.data
        for document in manifests.documents
        if isinstance(document.object, Secret | ConfigMap)
    }
    found: list[Problem] = []
    for document in manifests.documents:
        for reference in _references(document):
            data = held.get((reference.kind, document.object.metadata.namespace, reference.name), {})
            values = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
            if all(key in values for key in reference.keys):
                found.extend(_judge(document, reference, values))
            if reference.field.endswith(".webhook.secretRef"):
                found.extend(_judge_webhook(document, reference, values))
    return tuple(found)


def _references(document: Document) -> Iterator[Reference]:
    thing = document.object
    if isinstance(thing, ForwardNode):
        yield from references.of_forward_node(thing.spec)
    elif isinstance(thing, Destination):
        yield from references.of_destination(thing.spec)
    elif isinstance(thing, Project):
        yield from references.of_project(thing.spec)


def _judge(document: Document, reference: Reference, values: dict[str, bytes]) -> Iterator[Problem]:
    said = f"{reference.kind} {reference.name!r}"
    if frozenset(reference.keys) == _PEM_KEYS:
        if (wrong := _pair(values["tls.crt"], values["tls.key"])) is not None:
            yield document.problem(reasons.INVALID_CERTIFICATE, reference.field, f"{said}: {wrong}")
    elif reference.field.endswith((".caRef", ".clientCARef")):
        if not _is_authority(values[reference.keys[0]]):
            text = f"{said}: key {reference.keys[0]!r} is not one or more certificates in PEM"
            yield document.problem(reasons.INVALID_CERTIFICATE, reference.field, text)
    elif (rule := _rule(reference)) is not None:
        for key in reference.keys:
            try:
                _rule_of(key, reference, rule)(values[key])
            except Unusable as error:
                yield document.problem(reasons.INVALID_CREDENTIAL, reference.field, f"{said}: key {key!r} {error}")


def _judge_webhook(document: Document, reference: Reference, values: dict[str, bytes]) -> Iterator[Problem]:
    """It has what it needs: a token, or a login, or nothing."""
    for key, rule in credentials.WEBHOOK.items():
        try:
            rule(values.get(key, b"-"))
        except Unusable as error:
            text = f"Secret {reference.name!r}: key {key!r} {error}"
            yield document.problem(reasons.INVALID_CREDENTIAL, reference.field, text)


def _rule_of(key: str, reference: Reference, rule: Callable[[bytes], str]) -> Callable[[bytes], str]:
    if key in references.CLIENT:
        return credentials.identity
    return credentials.username if key == "username" and "basic" in reference.field else rule


def _rule(reference: Reference) -> Callable[[bytes], str] | None:
    if ".headers[" in reference.field:
        return credentials.header_value
    if reference.field.startswith("spec.transferLog."):
        return credentials.some_bytes
    if ".kheopsAlbums[" in reference.field or ".bearer." in reference.field:
        return credentials.token
    return credentials.line if reference.keys in (references.LOGIN, references.CLIENT) else None


def _is_authority(pem: bytes) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return False
    return True


def _pair(certificate: bytes, key: bytes) -> str | None:
    """What is wrong with a certificate and its key, or None."""
    try:
        shown = x509.load_pem_x509_certificates(certificate)[0].public_key()
    except (ValueError, IndexError):
        return "key 'tls.crt' is not a certificate in PEM"
    try:
        own = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError):
        return "key 'tls.key' is not a private key in PEM without a password"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if shown.public_bytes(*form) == own.public_bytes(*form):
        return None
    return "tls.crt and tls.key do not belong together"
