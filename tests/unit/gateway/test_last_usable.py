# SPDX-License-Identifier: Apache-2.0
"""A ForwardNode whose Secrets cannot be used: what it had stays, and there is never a listener without TLS instead."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from dromos_gateway.configuration.folder import Folder
from dromos_gateway.configuration.lastusable import KeptTls
from dromos_gateway.configuration.settings import Configuration, NodeSettings

NODE = """
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: radiology}
spec:
  aeTitle: DROMOS
  tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}
  transferLog: {key: {secretKeyRef: {name: log, key: key}}}
"""
_AUTHORITY = trustme.CA()
PAIRS = [
    {"tls.crt": issued.cert_chain_pems[0].bytes().decode(), "tls.key": issued.private_key_pem.bytes().decode()}
    for issued in (_AUTHORITY.issue_cert("one.example"), _AUTHORITY.issue_cert("two.example"))
]
UNUSABLE = {
    "absent": None,
    "without its key": {"tls.crt": PAIRS[0]["tls.crt"]},
    "another's key": {"tls.crt": PAIRS[0]["tls.crt"], "tls.key": PAIRS[1]["tls.key"]},
    "no PEM": {"tls.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n", "tls.key": PAIRS[0]["tls.key"]},
}


def put(folder: Path, name: str, values: dict[str, str] | None) -> None:
    file = folder / f"{name}.yaml"
    file.unlink(missing_ok=True)
    if values is not None:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
        file.write_text(json.dumps(secret))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "node.yaml").write_text(NODE)
    put(manifests, "node-tls", PAIRS[0])
    put(manifests, "log", {"key": "0123456789abcdef"})
    return manifests


def node(configuration: Configuration) -> NodeSettings:
    return configuration.nodes["DROMOS"]


def said(configuration: Configuration) -> list[tuple[str, str]]:
    return [(problem.reason, problem.message) for problem in configuration.problems if "in use" in problem.message]


@pytest.mark.parametrize("values", UNUSABLE.values(), ids=UNUSABLE)
def test_what_was_used_last_stays_in_use_also_after_a_restart(folder, tmp_path, values):
    running = Folder([folder])
    first = running.load()
    running.accept(first)
    KeptTls(tmp_path / "kept", b"").keep(list(first.configuration.nodes.values()))
    put(folder, "node-tls", values)
    again = Folder([folder], usable=KeptTls(tmp_path / "kept", b"").read())
    for loaded in (running.load(), again.load()):
        assert node(loaded.configuration).tls == node(first.configuration).tls
        assert not loaded.configuration.locked
        ((reason, message),) = said(loaded.configuration)
        assert reason in ("SecretNotFound", "SecretKeyNotFound", "InvalidCertificate")
        assert "PRIVATE KEY" not in message


@pytest.mark.parametrize("values", UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("before", ["nothing", "no TLS"])
def test_who_asks_for_tls_gets_no_listener_without(folder, values, before):
    running = Folder([folder])
    if before == "no TLS":
        (folder / "node.yaml").write_text("\n".join(line for line in NODE.splitlines() if "tls:" not in line))
        running.accept(running.load())
        (folder / "node.yaml").write_text(NODE)
    put(folder, "node-tls", values)
    loaded = running.load()
    assert (node(loaded.configuration).tls, loaded.configuration.locked) == (None, True)
    assert any("nobody can send until" in problem.message for problem in loaded.configuration.problems)
    running.accept(loaded)
    put(folder, "node-tls", PAIRS[1])
    assert not running.load().configuration.locked


@pytest.mark.parametrize(
    ("left", "reason"),
    [(None, "SecretNotFound"), ({"a": "b"}, "SecretKeyNotFound"), ({"key": " "}, "InvalidCredential")],
)
def test_the_logs_key_stays_while_its_secret_is_gone_but_not_over_a_restart(folder, left, reason):
    running = Folder([folder])
    running.accept(running.load())
    put(folder, "log", left)
    assert node(running.load().configuration).transfer_log.key == b"0123456789abcdef"
    loaded = Folder([folder]).load().configuration
    assert (node(loaded).transfer_log.key, loaded.locked) == (None, False)
    assert (reason, "spec.transferLog.key") in {(each.reason, each.field) for each in loaded.problems}


def test_what_is_kept_is_sealed_with_the_token_and_goes_when_it_is_not_wanted(folder, tmp_path):
    nodes = list(Folder([folder]).load().configuration.nodes.values())
    path = tmp_path / "kept"
    KeptTls(path, b"token").keep(nodes)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"certificate" not in path.read_bytes()
    (kept,) = KeptTls(path, b"token").read().values()
    assert kept.tls == nodes[0].tls
    assert KeptTls(path, b"another").read() == KeptTls(path, b"").read() == {}
    KeptTls(path, b"token").keep([])
    assert not path.exists()


def test_what_was_kept_and_can_no_longer_be_used_locks_the_node_as_if_it_were_not_there(folder, tmp_path):
    """What one Dromos takes the next one may refuse: a key that has become too short, for instance."""
    good = node(Folder([folder]).load().configuration)
    KeptTls(tmp_path / "kept", b"").keep([replace(good, tls=replace(good.tls, key=PAIRS[1]["tls.key"].encode()))])
    put(folder, "node-tls", None)
    loaded = Folder([folder], usable=KeptTls(tmp_path / "kept", b"").read()).load().configuration
    assert (node(loaded).tls, loaded.locked) == (None, True)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"[]", b"{}", b'{"a": {"certificate": 3}}', b'{"a": {"b": "c"}}'])
def test_a_file_that_says_nothing_is_no_reason_not_to_start(tmp_path, content):
    (tmp_path / "kept").write_bytes(content)
    assert KeptTls(tmp_path / "kept", b"").read() == KeptTls(tmp_path / "kept", b"token").read() == {}
