# SPDX-License-Identifier: Apache-2.0
"""The DICOMweb examples with the servers they name: images arrive, credentials rotate without a restart."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import RESTRICTED, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import Peers, sender
from tests.cluster.studies import study
from tests.cluster.webpeers import archive, certify, held, kheops, kheops_state


@pytest.fixture
def imaging(cluster: Kubectl, installed: Kubectl, request: pytest.FixtureRequest) -> Iterator[Peers]:
    """A namespace of the test's own with a sender."""
    kubectl = make_namespace(cluster, "dromos-" + request.node.name.replace("_", "-"), RESTRICTED)
    kubectl.apply(sender())
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=120s", timeout=130)
    yield Peers(kubectl)
    drop_namespace(cluster, kubectl.namespace)


def _apply(peers: Peers, example: str) -> None:
    kubectl = peers.kubectl
    kubectl.run("apply", "--filename", ROOT / "examples" / example)
    if example.startswith("stow"):
        certify(kubectl)
    kubectl.run("wait", "--for=condition=Ready", "forwardnode/radiology", "--timeout=120s", timeout=130)
    peers.wait_answering("radiology", 104, "RADIOLOGY")


def _send(peers: Peers, number: int) -> set[str]:
    files = study(number, 5)
    peers.load(f"study-{number}", files)
    sent = peers.send(f"study-{number}", to="radiology", called="RADIOLOGY")
    assert sent.acknowledged == files.keys(), sent.log
    return set(files)


def _arrives(peers: Peers, uids: set[str]) -> None:
    pod = peers.pod("archive")
    eventually(
        lambda: uids - held(peers.kubectl, pod), lambda missing: not missing, within=90, what="instances; absent"
    )


def _last_error(kubectl: Kubectl, name: str, words: str) -> None:
    eventually(
        lambda: ((kubectl.get("destination", name) or {}).get("status") or {}).get("lastError") or "",
        lambda error: words in error,
        within=90,
        what=f"lastError of {name} with {words!r}",
    )


def _rotate(kubectl: Kubectl, secret: str, **values: str) -> None:
    kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "data": {
        key: base64.b64encode(value.encode()).decode() for key, value in values.items()
    }})  # fmt: skip


def test_stow_basic(imaging: Peers) -> None:
    """With a wrong password images wait and status says why; the right one in the Secret sends them."""
    kubectl = imaging.kubectl
    _apply(imaging, "stow-basic")
    kubectl.apply(*archive(password="the-real-one"))
    kubectl.wait_rollout("deployment/archive")
    uids = _send(imaging, 801)
    _last_error(kubectl, "archive", "HTTP 401")
    gateway = kubectl.get("pod", "radiology-0") or {}
    _rotate(kubectl, "archive-login", username="dromos", password="the-real-one")
    _arrives(imaging, uids)
    after = kubectl.get("pod", "radiology-0") or {}
    assert gateway["metadata"]["uid"] == after["metadata"]["uid"], "no pod was restarted"
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0
    everything = kubectl.run("get", "destinations,forwardnodes,events,configmaps", "--output", "yaml").stdout
    server = kubectl.run("get", "configmap", "archive-server", "--output", "yaml").stdout
    assert everything.count("the-real-one") == server.count("the-real-one"), "a secret shows itself"
    assert "the-real-one" not in kubectl.run("logs", "radiology-0").stdout


def test_stow_oauth2(imaging: Peers) -> None:
    kubectl = imaging.kubectl
    _apply(imaging, "stow-oauth2")
    kubectl.apply(*archive(client_secret="the-real-one"))
    kubectl.wait_rollout("deployment/archive")
    uids = _send(imaging, 802)
    _last_error(kubectl, "archive", "token endpoint https://archive answered 401 invalid_client")
    _rotate(kubectl, "archive-client", client_id="dromos", client_secret="the-real-one")
    _arrives(imaging, uids)
    assert "the-real-one" not in kubectl.run("logs", "radiology-0").stdout


def test_kheops(imaging: Peers) -> None:
    """CT goes into the CT album, and nothing into the teaching album."""
    kubectl = imaging.kubectl
    kubectl.apply(
        *kheops(
            {
                "not-a-real-token-1": {"scope": "read write send", "album": "inbox"},
                "not-a-real-token-2": {"scope": "write", "album": "ct"},
                "not-a-real-token-3": {"scope": "write", "album": "teaching"},
            }
        )
    )
    kubectl.wait_rollout("deployment/kheops")
    _apply(imaging, "kheops")
    uids = _send(imaging, 803)
    pod = imaging.pod("kheops")
    state = eventually(
        lambda: kheops_state(kubectl, pod),
        lambda found: found["instances"].keys() == uids and bool(found["albums"]),
        within=90,
        what="what Kheops has",
    )
    ((_, series),) = {tuple(place) for place in state["instances"].values()}
    assert state["albums"] == {"ct": [series]}
