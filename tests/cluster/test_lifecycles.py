# SPDX-License-Identifier: Apache-2.0
"""What comes and goes: gateways without destinations, volumes that outlive their gateway, pods that leave when empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.eventually import eventually, steadily
from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.peers import STORESCP_PORT, Peers
from tests.cluster.studies import digests, study

API = "dromos.dev/v1alpha1"
NODE, CALLED = "cardiology", "CARDIOLOGY"
ANSWERED = "Received Store Response (Refused: OutOfResources)"


@pytest.fixture
def kubectl(installed: Kubectl, peers: Peers) -> Iterator[Kubectl]:
    """A namespace with receivers; what a test makes of ours is gone after it."""
    kubectl = peers.kubectl
    yield kubectl
    kubectl.run("delete", f"forwardnode/{NODE}", "destination/late", "--ignore-not-found")
    kubectl.run("wait", "--for=delete", f"statefulset/{NODE}", "--timeout=120s")
    claims = [claim["metadata"]["name"] for claim in _claims(kubectl)]
    kubectl.run("delete", "persistentvolumeclaims", "--ignore-not-found", *claims) if claims else None


def _node(**spec: Any) -> Manifest:
    wanted = {"aeTitle": CALLED, "spool": {"size": "64Mi"}, **spec}
    return {"apiVersion": API, "kind": "ForwardNode", "metadata": {"name": NODE}, "spec": wanted}


def _late(**spec: Any) -> Manifest:
    """A Destination that goes to the storescp `archive`."""
    dicom = {"aeTitle": "ARCHIVE", "hostname": "archive", "port": STORESCP_PORT}
    wanted = {"forwardNodeRef": {"name": NODE}, "dicom": dicom, **spec}
    return {"apiVersion": API, "kind": "Destination", "metadata": {"name": "late"}, "spec": wanted}


def _claims(kubectl: Kubectl) -> list[dict[str, Any]]:
    return kubectl.items("persistentvolumeclaims", "--selector", f"app.kubernetes.io/instance={NODE}")


def _programmed(kubectl: Kubectl) -> None:
    kubectl.wait_condition("forwardnode", NODE, "Programmed", within=120)


def _waiting(kubectl: Kubectl) -> int:
    found = kubectl.get("destination", "late") or {}
    return int(found.get("status", {}).get("queue", {}).get("waiting", -1))


def _wait_for_queue(kubectl: Kubectl, count: int) -> None:
    eventually(lambda: _waiting(kubectl), lambda found: found == count, within=60, what="instances waiting")


def _wait_answering(peers: Peers) -> None:
    peers.wait_answering(NODE, 104, CALLED)


@pytest.mark.parametrize("others", [(), (_late(enabled=False),)], ids=["none", "a disabled one"])
def test_without_an_enabled_destination_echo_is_answered_and_store_refused(
    kubectl: Kubectl, peers: Peers, others: tuple[Manifest, ...]
) -> None:
    kubectl.apply(_node(), *others)
    _programmed(kubectl)
    ready = kubectl.wait_condition("forwardnode", NODE, "Ready", "False")
    assert ready["reason"] == "NoDestination"
    _wait_answering(peers)
    files = study(200, 1)
    peers.load("nowhere", files)
    sent = peers.send("nowhere", to=NODE, called=CALLED)
    assert sent.acknowledged == frozenset()
    assert ANSWERED in sent.log  # 0xA700, PS3.4 Table B.2-1
    kubectl.apply(_late(enabled=True))
    kubectl.wait_condition("forwardnode", NODE, "Ready")
    assert peers.send("nowhere", to=NODE, called=CALLED).acknowledged == files.keys()
    peers.wait_received("archive", digests(files))


def test_a_new_node_takes_up_the_volume_of_the_one_before(kubectl: Kubectl, peers: Peers) -> None:
    kubectl.apply(_node(), _late(suspend=True))
    _programmed(kubectl)
    _wait_answering(peers)
    files = study(201, 10)
    peers.load("kept", files)
    assert peers.send("kept", to=NODE, called=CALLED).acknowledged == files.keys()
    _wait_for_queue(kubectl, 10)
    (before,) = _claims(kubectl)
    kubectl.run("delete", f"forwardnode/{NODE}")
    kubectl.run("wait", "--for=delete", f"pod/{NODE}-0", "--timeout=90s")
    assert [claim["metadata"]["uid"] for claim in _claims(kubectl)] == [before["metadata"]["uid"]]
    lost = kubectl.wait_condition("destination", "late", "ResolvedRefs", "False")
    assert lost["reason"] == "ForwardNodeNotFound"
    kubectl.apply(_node(), _late(suspend=False))
    peers.wait_received("archive", digests(files), within=120)
    assert [claim["metadata"]["uid"] for claim in _claims(kubectl)] == [before["metadata"]["uid"]]


def test_a_volume_that_shall_not_stay_goes_with_its_node(kubectl: Kubectl) -> None:
    kubectl.apply(_node(spool={"size": "64Mi", "retentionPolicy": "Delete"}))
    _programmed(kubectl)
    assert len(_claims(kubectl)) == 1
    kubectl.run("delete", f"forwardnode/{NODE}")
    eventually(lambda: _claims(kubectl), lambda found: not found, within=90, what="the volume's claim")


def test_a_pod_goes_only_when_its_spool_is_empty(kubectl: Kubectl, peers: Peers) -> None:
    kubectl.apply(_node(replicas=2), _late(suspend=True))
    _programmed(kubectl)
    files = study(202, 5)
    peers.load("last", files)
    last = f"{NODE}-1"
    address = f"{last}.{NODE}-pods"
    peers.wait_answering(address, STORESCP_PORT, CALLED)
    assert peers.send("last", to=address, called=CALLED, port=STORESCP_PORT).acknowledged == files.keys()
    _wait_for_queue(kubectl, 5)

    kubectl.run("scale", f"forwardnode/{NODE}", "--replicas=1")
    waiting = eventually(
        lambda: kubectl.condition("forwardnode", NODE, "Programmed"),
        lambda condition: condition.get("reason") == "ScalingDown",
        within=90,
        what="why there are still two pods",
    )
    assert last in waiting["message"]
    assert "5 instances" in waiting["message"]
    eventually(
        lambda: [address for found in kubectl.items("endpointslices") for address in _pods(found, NODE)],
        lambda pods: pods == [f"{NODE}-0"],
        within=90,
        what="pods that new associations come to",
    )
    steadily(lambda: (kubectl.get("statefulset", NODE) or {})["spec"]["replicas"], seconds=10)
    assert (kubectl.get("statefulset", NODE) or {})["spec"]["replicas"] == 2

    kubectl.patch_spec("destination", "late", suspend=False)
    peers.wait_received("archive", digests(files))
    kubectl.run("wait", "--for=delete", f"pod/{last}", "--timeout=90s")
    kubectl.wait_condition("forwardnode", NODE, "Ready")
    assert sorted(claim["metadata"]["name"] for claim in _claims(kubectl)) == [f"spool-{NODE}-0", f"spool-{last}"]


def _pods(endpoints: dict[str, Any], service: str) -> list[str]:
    if endpoints["metadata"]["labels"].get("kubernetes.io/service-name") != service:
        return []
    return [endpoint["targetRef"]["name"] for endpoint in endpoints.get("endpoints") or ()]
