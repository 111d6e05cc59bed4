# SPDX-License-Identifier: Apache-2.0
"""What the three kinds refer to: which keys of which Secret or ConfigMap, and the field that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dromos_crds.destination import DestinationSpec
from dromos_crds.fields import FromSecret, LocalReference
from dromos_crds.forwardnode import ForwardNodeSpec
from dromos_crds.project import ProjectSpec
from dromos_crds.stow import Stow
from dromos_crds.tls import ClientTLS

PAIR = ("tls.crt", "tls.key")
LOGIN = ("username", "password")
CLIENT = ("client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to an object in the same namespace; no keys: all of them."""

    kind: str
    name: str
    field: str
    keys: tuple[str, ...] = ()
    copied: bool = True  # False: it can be large, and goes to the gateway apart from everything else


def of_forward_node(spec: ForwardNodeSpec) -> Iterator[Reference]:
    """What a ForwardNode refers to."""
    if spec.tls is not None:
        name, authority = spec.tls.certificate_secret_ref.name, spec.tls.client_ca_ref
        yield Reference("Secret", name, "spec.tls.certificateSecretRef", PAIR)
        if authority is not None:
            yield Reference("Secret", authority.name, "spec.tls.clientCARef", ("ca.crt",))
        elif spec.tls.client_authentication != "None":
            # the certificate's own Secret may carry the authority, as cert-manager writes it
            yield Reference("Secret", name, "spec.tls.clientCARef", ("ca.crt",))
    if spec.smtp is not None and spec.smtp.secret_ref is not None:
        yield Reference("Secret", spec.smtp.secret_ref.name, "spec.smtp.secretRef", LOGIN)
    if spec.transfer_log.key is not None:
        yield _value(spec.transfer_log.key, "spec.transferLog.key")


def of_destination(spec: DestinationSpec) -> Iterator[Reference]:
    """What a Destination refers to, its Project included, its ForwardNode not."""
    if spec.dicom is not None and spec.dicom.tls is not None:
        yield from _tls(spec.dicom.tls, "spec.dicom.tls")
    if spec.stow is not None:
        yield from _stow(spec.stow, "spec.stow")
    if spec.notifications is not None and spec.notifications.webhook is not None:
        yield from _whole(spec.notifications.webhook.secret_ref, "spec.notifications.webhook.secretRef")
    if spec.deidentification is not None:
        yield Reference("Project", spec.deidentification.project_ref.name, "spec.deidentification.projectRef")
    if spec.tag_morphing is not None:
        yield Reference("Project", spec.tag_morphing.project_ref.name, "spec.tagMorphing.projectRef")


def of_project(spec: ProjectSpec) -> Iterator[Reference]:
    """What a Project refers to; the key Secret that the operator makes where it names none is not among it."""
    if spec.profile_from is not None:
        profile = spec.profile_from.config_map_key_ref
        yield Reference("ConfigMap", profile.name, "spec.profileFrom.configMapKeyRef", (profile.key,))
    if spec.secret_ref is not None:
        yield Reference("Secret", spec.secret_ref.name, "spec.secretRef", ("active",))
    if spec.pseudonyms is not None and spec.pseudonyms.secret_key_ref is not None:
        stored = spec.pseudonyms.secret_key_ref
        # they can be larger than a Secret that is shared with others
        yield Reference("Secret", stored.name, "spec.pseudonyms.secretKeyRef", (stored.key,), copied=False)
    if spec.pseudonyms is not None and spec.pseudonyms.redis is not None:
        yield from _whole(spec.pseudonyms.redis.secret_ref, "spec.pseudonyms.redis.secretRef")
    for index, config in enumerate(spec.auth_configs):
        field = f"spec.authConfigs[{index}].oauth2.secretRef"
        yield Reference("Secret", config.oauth2.secret_ref.name, field, CLIENT)


def _stow(stow: Stow, field: str) -> Iterator[Reference]:
    for index, header in enumerate(stow.headers):
        if header.value_from is not None:
            yield _value(header.value_from, f"{field}.headers[{index}].valueFrom")
    if stow.auth is not None and stow.auth.basic is not None:
        yield Reference("Secret", stow.auth.basic.secret_ref.name, f"{field}.auth.basic.secretRef", LOGIN)
    if stow.auth is not None and stow.auth.bearer is not None:
        yield _value(stow.auth.bearer, f"{field}.auth.bearer")
    if stow.auth is not None and stow.auth.oauth2 is not None:
        yield Reference("Secret", stow.auth.oauth2.secret_ref.name, f"{field}.auth.oauth2.secretRef", CLIENT)
    if stow.tls is not None:
        yield from _tls(stow.tls, f"{field}.tls")
    for index, album in enumerate(stow.kheops_albums):
        yield _value(album.destination_token, f"{field}.kheopsAlbums[{index}].destinationToken")
        yield _value(album.source_token, f"{field}.kheopsAlbums[{index}].sourceToken")


def _tls(tls: ClientTLS, field: str) -> Iterator[Reference]:
    if tls.ca_ref is not None:
        yield Reference(tls.ca_ref.kind, tls.ca_ref.name, f"{field}.caRef", (tls.ca_ref.key,))
    if tls.certificate_secret_ref is not None:
        yield Reference("Secret", tls.certificate_secret_ref.name, f"{field}.certificateSecretRef", PAIR)


def _value(value: FromSecret, field: str) -> Reference:
    return Reference("Secret", value.secret_key_ref.name, f"{field}.secretKeyRef", (value.secret_key_ref.key,))


def _whole(reference: LocalReference | None, field: str) -> Iterator[Reference]:
    if reference is not None:
        yield Reference("Secret", reference.name, field)
