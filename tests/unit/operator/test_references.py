# SPDX-License-Identifier: Apache-2.0
"""What the kinds refer to, each with the field that says so."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_crds import Destination, ForwardNode, Project
from dromos_operator.plan import references
from tests.unit.operator.make import destination, node, project

KEY = {"secretKeyRef": {"name": "s", "key": "k"}}
TLS = {"caRef": {"name": "ca"}, "certificateSecretRef": {"name": "own"}}


def _brief(found: Any) -> set[tuple[str, str, str]]:
    return {(reference.kind, reference.name, reference.field) for reference in found}


def test_of_a_forward_node() -> None:
    spec = {
        "tls": {"certificateSecretRef": {"name": "own"}, "clientCARef": {"name": "ca"}},
        "smtp": {"host": "h", "sender": "a@b.example", "secretRef": {"name": "mail"}},
        "transferLog": {"key": KEY},
    }
    assert _brief(references.of_forward_node(ForwardNode.model_validate(node(**spec)))) == {
        ("Secret", "own", "spec.tls.certificateSecretRef"),
        ("Secret", "ca", "spec.tls.clientCARef"),
        ("Secret", "mail", "spec.smtp.secretRef"),
        ("Secret", "s", "spec.transferLog.key.secretKeyRef"),
    }


def test_a_log_without_a_key_refers_to_the_operators() -> None:
    key = {("Secret", "radiology-transfer-log", "spec.transferLog.key")}
    assert _brief(references.of_forward_node(ForwardNode.model_validate(node()))) == key
    off = node(transferLog={"originalIdentifiers": "Off"})
    assert _brief(references.of_forward_node(ForwardNode.model_validate(off))) == set()


@pytest.mark.parametrize(
    ("auth", "name", "field"),
    [
        ({"basic": {"secretRef": {"name": "b"}}}, "b", "basic.secretRef"),
        ({"bearer": KEY}, "s", "bearer.secretKeyRef"),
        ({"oauth2": {"tokenURL": "https://i.example/t", "secretRef": {"name": "o"}}}, "o", "oauth2.secretRef"),
    ],
)
def test_of_a_stow_destination(auth: dict[str, Any], name: str, field: str) -> None:
    album = {"url": "https://k.example/api", "destinationToken": KEY, "sourceToken": KEY}
    stow = {
        "url": "https://p.example/studies",
        "headers": [{"name": "A", "value": "b"}, {"name": "X", "valueFrom": KEY}],
        "auth": auth,
        "tls": TLS,
        "kheopsAlbums": [album],
    }
    assert _brief(references.of_destination(Destination.model_validate(destination(stow=stow)).spec)) == {
        ("Secret", "s", "spec.stow.headers[1].valueFrom.secretKeyRef"),
        ("Secret", name, f"spec.stow.auth.{field}"),
        ("Secret", "ca", "spec.stow.tls.caRef"),
        ("Secret", "own", "spec.stow.tls.certificateSecretRef"),
        ("Secret", "s", "spec.stow.kheopsAlbums[0].destinationToken.secretKeyRef"),
        ("Secret", "s", "spec.stow.kheopsAlbums[0].sourceToken.secretKeyRef"),
    }


def test_of_a_dicom_destination() -> None:
    dicom = {"aeTitle": "A", "hostname": "h", "port": 104, "tls": {"caRef": {"kind": "ConfigMap", "name": "ca"}}}
    morphing = {"projectRef": {"name": "study-a"}}
    spec = Destination.model_validate(destination(dicom=dicom, tagMorphing=morphing)).spec
    assert _brief(references.of_destination(spec)) == {
        ("ConfigMap", "ca", "spec.dicom.tls.caRef"),
        ("Project", "study-a", "spec.tagMorphing.projectRef"),
    }


def test_of_a_project_pseudonyms_are_not_copied() -> None:
    spec = Project.model_validate(project(pseudonyms={"secretKeyRef": {"name": "ids", "key": "p.csv"}})).spec
    found = {reference.name: reference.copied for reference in references.of_project("study-a", spec)}
    assert found == {"study-a-key": True, "ids": False}


@pytest.mark.parametrize(
    ("tls", "keys"),
    [
        ({}, {"tls.crt", "tls.key", "ca.crt"}),
        ({"clientAuthentication": "Request"}, {"tls.crt", "tls.key", "ca.crt"}),
        ({"clientAuthentication": "None"}, {"tls.crt", "tls.key"}),
        ({"clientCARef": {"name": "ca"}}, {"tls.crt", "tls.key"}),
    ],
)
def test_the_certificates_own_secret_may_carry_the_authority_of_clients(tls: dict[str, Any], keys: set[str]) -> None:
    named = ForwardNode.model_validate(node(tls={"certificateSecretRef": {"name": "own"}, **tls}))
    found = [reference for reference in references.of_forward_node(named) if reference.name == "own"]
    assert {key for reference in found for key in reference.keys} == keys
