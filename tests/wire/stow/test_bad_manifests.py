# SPDX-License-Identifier: Apache-2.0
"""Destinations that cannot work: `dromos validate` names the field, the running gateway shows why and holds their queues.

What is wrong with one is no other's business; what is mended goes on without a restart.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.dimse.certificates import authority, issued
from tests.wire.gateway.peers import GatewayProcess, make_study, storescu
from tests.wire.stow.servers import Nginx, Orthanc
from tests.wire.stow.test_gateway import delivered, secret, stow

HUSH = "hush-hush-77"
COUNT = 2

ALBUM = (
    "kheopsAlbums: [{url: 'https://k.example', destinationToken: {secretKeyRef: {name: s, key: hush}}, "
    "sourceToken: {secretKeyRef: {name: s, key: absent}}}]"
)
# name: lines of spec.stow, what spec has besides, the field, the reason that is shown
MEANINGLESS = {
    "no-secret": ("auth: {basic: {secretRef: {name: nobody}}}", "", "spec.stow.auth.basic.secretRef",
                  "SecretNotFound"),
    "no-key": ("auth: {bearer: {secretKeyRef: {name: s, key: absent}}}", "", "spec.stow.auth.bearer.secretKeyRef",
               "SecretKeyNotFound"),
    "no-authority": ("tls: {caRef: {name: s, key: hush}}", "", "spec.stow.tls", "InvalidCertificate"),
    "header": ("headers: [{name: X-Key, valueFrom: {secretKeyRef: {name: s, key: broken}}}]", "",
               "spec.stow.headers[0].valueFrom.secretKeyRef", "InvalidCredential"),
    "album": (ALBUM, "",
              "spec.stow.kheopsAlbums[0].sourceToken.secretKeyRef", "SecretKeyNotFound"),
    "word": ("concurrency: 1", "  condition: tagValueIsPresent(#Tag.Modallity, 'CT')\n", "spec.condition",
             "InvalidExpression"),
    "java": ("concurrency: 1", "  condition: T(java.lang.Runtime).getRuntime() != null\n", "spec.condition",
             "InvalidExpression"),
    "arity": ("concurrency: 1", "  condition: tagIsPresent()\n", "spec.condition", "InvalidExpression"),
}  # fmt: skip
# name: the URL, other lines of spec.stow, the field
SHAPELESS = {
    "no-scheme": ("pacs.example/studies", "concurrency: 1", "spec.stow.url"),
    "spaces": ("http://pacs.example/", "headers: [{name: X Key, value: a}]", "spec.stow.headers[0].name"),
    "line-break": ("http://pacs.example/", 'headers: [{name: X, value: "a\\r\\nY: b"}]', "spec.stow.headers[0].value"),
    "no-token": ("http://pacs.example/", "kheopsAlbums: [{url: 'https://k.example'}]",
                 "spec.stow.kheopsAlbums[0].destinationToken"),
    "in-the-clear": ("http://pacs.example/", "tls: {caRef: {name: s}}", "spec.stow.tls"),
}  # fmt: skip


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    server = Orthanc(tmp_path / "orthanc").start()
    yield server
    server.stop()


def validate(gateway: GatewayProcess) -> str:
    """What `dromos validate` says of manifests that do not do."""
    command = [sys.executable, "-m", "dromos_gateway.cli", "validate", str(gateway.manifests)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def shown(gateway: GatewayProcess) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in gateway.get("/v1/configuration")["destinations"]}


def test_what_means_nothing_is_named_shown_and_held_while_the_others_go_on(
    gateway: GatewayProcess, orthanc: Orthanc, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ca = authority(tmp_path, "ca")
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server")).start()
    request.addfinalizer(nginx.stop)
    secret(gateway, "s", hush=HUSH, broken=f"{HUSH}\r\nX: y")
    stow(gateway, "good", orthanc.url)
    for name, (lines, spec, _, _) in MEANINGLESS.items():
        stow(gateway, name, nginx.url if name == "no-authority" else orthanc.url, lines, spec=spec)
    said = validate(gateway)
    for name, (_, _, field, _) in MEANINGLESS.items():
        assert any(f"destination-{name}.yaml" in line and field in line for line in said.splitlines()), (name, said)
    assert HUSH not in said

    gateway.start()
    study = make_study(tmp_path / "study", COUNT)
    storescu(gateway.port, study)
    delivered(gateway, "good", COUNT)
    held = shown(gateway)
    for name, (_, _, field, reason) in MEANINGLESS.items():
        assert (held[name]["programmed"], held[name]["reason"]) == (False, reason), held[name]
        problems = [item for item in gateway.get("/v1/configuration")["problems"] if item["name"] == name]
        assert any((item["field"] or "").startswith(field) for item in problems), (name, problems)
        queue = gateway.queue(name)
        assert (queue["waiting"], queue["delivered"], queue["failed"], queue["excluded"]) == (COUNT, 0, 0, 0), name
    assert HUSH not in gateway.log() + str(gateway.get("/v1/configuration")) + str(gateway.get("/v1/status"))

    secret(gateway, "nobody", username="a", password="b")
    secret(gateway, "s", hush=ca.certificate.read_bytes(), broken="fine", absent="token")
    for name in ("word", "java", "arity"):
        stow(gateway, name, orthanc.url, spec="  condition: tagValueIsPresent(#Tag.Modality, 'CT')\n")
    for name in ("no-secret", "no-key", "no-authority", "header", "word", "java", "arity"):
        delivered(gateway, name, COUNT)


def test_what_has_no_shape_is_named_and_keeps_its_last_form(
    gateway: GatewayProcess, orthanc: Orthanc, tmp_path: Path
) -> None:
    for name in SHAPELESS:
        stow(gateway, name, orthanc.url)
    stow(gateway, "good", orthanc.url)
    gateway.start()
    for name, (url, lines, _) in SHAPELESS.items():
        stow(gateway, name, url, lines)
    said = validate(gateway)
    gateway.applied()
    problems = gateway.get("/v1/configuration")["problems"]
    held = shown(gateway)
    for name, (_, _, field) in SHAPELESS.items():
        assert any(f"destination-{name}.yaml" in line and field in line for line in said.splitlines()), (name, said)
        assert any(item["name"] == name and item["field"] == field for item in problems), (name, problems)
        assert held[name]["reason"] == "LastAcceptedForm"
    storescu(gateway.port, make_study(tmp_path / "study", COUNT))
    for name in ("good", *SHAPELESS):
        delivered(gateway, name, COUNT)
