# SPDX-License-Identifier: Apache-2.0
"""What ForwardNodes leave to the operator, at a real API server: the key of the transfer log, the relay for mails."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.operator.manifests import destination, node
from tests.apiserver.operator.process import OperatorProcess
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl

KEY = "radiology-transfer-log"
RELAY = '{"host": "mail.example", "sender": "dromos@example.org", "secretRef": {"name": "smtp"}}'
PASSWORDS = ("planted-7d1f-first", "planted-7d1f-second")


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the chart mounts."""
    folder = tmp_path_factory.mktemp("smtp")
    (folder / "username").write_text("dromos")
    (folder / "password").write_text(PASSWORDS[0])
    return folder


@pytest.fixture(scope="module")
def lending(imaging: Kubectl, login: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """An operator with a relay."""
    log = tmp_path_factory.mktemp("operator") / "log"
    process = OperatorProcess(imaging.namespace, log, DROMOS_SMTP=RELAY, DROMOS_SMTP_LOGIN=str(login))
    yield process
    assert process.stop() == 0, process.log.read_text()[-2000:]


@pytest.fixture(scope="module")
def radiology(imaging: Kubectl, lending: OperatorProcess) -> Kubectl:
    """A ForwardNode that says nothing of either."""
    imaging.apply(node(), destination("archive"))
    imaging.wait_condition("forwardnode", "radiology", "ResolvedRefs", within=60)
    return imaging


def _data(kubectl: Kubectl, secret: str) -> dict[str, str]:
    found = (kubectl.get("secret", secret) or {}).get("data", {})
    return {name: base64.b64decode(text).decode() for name, text in found.items()}


def _copied(kubectl: Kubectl, secret: str) -> dict[str, str]:
    """A Secret as the pods get it."""
    text = _data(kubectl, "radiology-credentials").get(f"secret-{secret}.yaml", "")
    found = (yaml.safe_load(text) or {}).get("data", {})
    return {name: base64.b64decode(value).decode() for name, value in found.items()}


def _spec(kubectl: Kubectl) -> dict[str, Any]:
    """The ForwardNode as the pods get it."""
    data = (kubectl.get("configmap", "radiology-config") or {}).get("data", {})
    return (yaml.safe_load(data.get("forwardnode.yaml", "")) or {}).get("spec", {})


def test_the_log_is_given_a_key_that_the_pods_get(radiology: Kubectl) -> None:
    key = _data(radiology, KEY)["key"]
    assert len(bytes.fromhex(key)) == 32
    assert eventually(lambda: _copied(radiology, KEY), bool, within=60, what="the pods' copy") == {"key": key}
    named = eventually(lambda: _spec(radiology).get("transferLog", {}).get("key"), bool, within=60, what="its name")
    assert named == {"secretKeyRef": {"name": KEY, "key": "key"}}
    written = radiology.get("forwardnode", "radiology") or {}
    assert "key" not in written["spec"].get("transferLog", {}), "the object stays as its author wrote it"


def test_the_key_is_nowhere_but_in_secrets(radiology: Kubectl, lending: OperatorProcess) -> None:
    key = _data(radiology, KEY)["key"]
    seen = [str(obj) for obj in radiology.items("configmaps,forwardnodes,destinations,pods,statefulsets,events")]
    log = lending.log.read_text()
    assert '"secret": "radiology-transfer-log"' in log
    for text in (*seen, log):
        assert key not in text
        assert base64.b64encode(key.encode()).decode() not in text
        assert not any(password in text for password in PASSWORDS)


def test_the_key_outlives_its_node_and_is_taken_up_again(radiology: Kubectl) -> None:
    before = radiology.get("secret", KEY) or {}
    assert "ownerReferences" not in before["metadata"]
    radiology.run("delete", "forwardnode/radiology")
    eventually(lambda: radiology.get("configmap", "radiology-config") is None, bool, within=60, what="its objects go")
    assert radiology.get("secret", KEY) == before
    radiology.apply(node())
    eventually(lambda: _copied(radiology, KEY), bool, within=90, what="the new one's pods get the key")
    assert radiology.get("secret", KEY) == before


def test_a_log_without_originals_has_no_key(radiology: Kubectl) -> None:
    radiology.apply(node("quiet", replicas=0, transferLog={"originalIdentifiers": "Off"}))
    radiology.wait_condition("forwardnode", "quiet", "ResolvedRefs", within=60)
    assert radiology.get("secret", "quiet-transfer-log") is None
    radiology.run("delete", "forwardnode/quiet")


def test_the_operators_relay_reaches_the_pods_and_so_does_its_new_password(radiology: Kubectl, login: Path) -> None:
    smtp = eventually(lambda: _spec(radiology).get("smtp"), bool, within=60, what="a relay")
    assert (smtp["host"], smtp["port"], smtp["security"], smtp["sender"]) == (
        "mail.example", 587, "StartTLS", "dromos@example.org",
    )  # fmt: skip
    name = smtp["secretRef"]["name"]
    for password in PASSWORDS:
        (login / "password").write_text(password)
        radiology.patch_spec("forwardnode", "radiology", description=f"with {len(password)} characters")
        expected = {"username": "dromos", "password": password}
        eventually(lambda: _copied(radiology, name), lambda found, e=expected: found == e, within=60)  # type: ignore[misc]
    radiology.patch_spec("forwardnode", "radiology", smtp={"host": "own.example", "sender": "own@example.org"})
    eventually(lambda: _spec(radiology).get("smtp", {}).get("host"), lambda host: host == "own.example", within=60)
    eventually(lambda: _copied(radiology, name), lambda found: found == {}, within=60, what="the copy goes")
