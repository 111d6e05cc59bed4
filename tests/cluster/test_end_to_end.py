# SPDX-License-Identifier: Apache-2.0
"""The main job on a real cluster: apply the quickstart, send images, they arrive; and go on arriving when things break.

The tests share one gateway and run in the order they are written in; each has studies of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.conftest import ROOT
from tests.cluster.counters import Counters
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.node import Node
from tests.cluster.peers import STORESCP_PORT, Peers, finished, storescp
from tests.cluster.studies import digests, study

QUICKSTART = ROOT / "examples/quickstart"
NODE, GATEWAY, CALLED = "radiology", "radiology-0", "RADIOLOGY"
READY_WITHIN = 120


@pytest.fixture(scope="module")
def gateway(installed: Kubectl, peers: Peers) -> Iterator[Kubectl]:
    """The quickstart, applied as its README says and ready."""
    kubectl = peers.kubectl
    kubectl.run("apply", "--filename", QUICKSTART)
    kubectl.run(
        "wait", "--for=condition=Ready", f"forwardnode/{NODE}", f"--timeout={READY_WITHIN}s", timeout=READY_WITHIN + 10
    )
    for destination in ("archive", "research"):
        kubectl.wait_condition("destination", destination, "Ready")
    peers.wait_answering(NODE, 104, CALLED)
    yield kubectl
    kubectl.run("delete", "--filename", QUICKSTART, "--ignore-not-found")


@pytest.fixture(scope="module", autouse=True)
def counters(gateway: Kubectl) -> Iterator[Counters]:
    """Everybody's counters, watched from the first test to the last."""
    watched = Counters(gateway)
    yield watched
    watched.close()


def _send(peers: Peers, number: int, instances: int, **how: Any) -> dict[str, str]:
    """Send a new study through the gateway; every instance must be answered with Success."""
    files = study(number, instances, **how)
    peers.load(f"study-{number}", files)
    sent = peers.send(f"study-{number}", to=NODE, called=CALLED)
    assert sent.code == 0, sent.log
    assert sent.acknowledged == files.keys()
    return digests(files)


def _identity(kubectl: Kubectl) -> tuple[str, int]:
    """The gateway pod's UID and how often its container was started again."""
    pod = _pod(kubectl)
    return pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]


def _pod(kubectl: Kubectl) -> dict[str, Any]:
    pod = kubectl.get("pod", GATEWAY)
    assert pod
    return pod


def _destination(name: str, **dicom: Any) -> Manifest:
    spec = {
        "forwardNodeRef": {"name": NODE},
        "dicom": {"aeTitle": name.upper(), "hostname": name, "port": STORESCP_PORT, **dicom},
    }
    return {"apiVersion": "dromos.dev/v1alpha1", "kind": "Destination", "metadata": {"name": name}, "spec": spec}


def _waiting(kubectl: Kubectl, destination: str) -> int:
    found = kubectl.get("destination", destination) or {}
    return int(found.get("status", {}).get("queue", {}).get("waiting", -1))


def test_a_study_arrives_at_both_destinations(gateway: Kubectl, peers: Peers) -> None:
    sent = _send(peers, 100, 100)
    peers.wait_received("archive", sent)
    peers.wait_received("research", sent)


def test_a_destination_is_added_without_a_restart(gateway: Kubectl, peers: Peers) -> None:
    before = _identity(gateway)
    gateway.apply(*storescp("teaching"), _destination("teaching"))
    gateway.wait_rollout("deployment/teaching")
    gateway.wait_condition("destination", "teaching", "Programmed")
    sent = _send(peers, 101, 10)
    peers.wait_received("teaching", sent)
    assert _identity(gateway) == before
    gateway.run("delete", "destination/teaching", "deployment/teaching", "service/teaching")


def test_the_pod_is_asked_without_further_words(gateway: Kubectl) -> None:
    assert gateway.exec(GATEWAY, "dromos", "failures", "list").stdout == "no dead letters\n"


def test_what_is_sent_while_a_receiver_is_down_arrives_when_it_is_back(gateway: Kubectl, peers: Peers) -> None:
    peers.scale("archive", 0)
    sent = _send(peers, 102, 50)
    peers.wait_received("research", sent)  # the other one does not wait
    peers.scale("archive", 1)
    # the breaker probes once a minute at the latest
    peers.wait_received("archive", sent, within=90)


def test_a_killed_gateway_loses_nothing_it_has_acknowledged(gateway: Kubectl, peers: Peers, node: Node) -> None:
    files = study(103, 200, pixels=256)
    expected = digests(files)
    peers.load("study-103", files)
    uid, restarts = _identity(gateway)
    archive = gateway.get("pod", peers.pod("archive"))
    assert archive
    held = peers.count("archive")
    node.signal(archive, "STOP")  # nothing can be delivered: all 200 are in flight
    sending = peers.start_sending("study-103", to=NODE, called=CALLED)
    before = peers.count("research")
    eventually(lambda: peers.count("research") - before, lambda new: new >= 10, within=60, what="first deliveries")
    node.signal(_pod(gateway), "KILL")
    sent = finished(sending)
    node.signal(archive, "CONT")
    assert sent.acknowledged, sent.log
    assert peers.count("archive") - held < len(files), "delivered before the kill: nothing was in flight"
    eventually(lambda: _identity(gateway), lambda now: now == (uid, restarts + 1), within=60, what="restart")
    gateway.run("wait", "--for=condition=Ready", f"pod/{GATEWAY}", "--timeout=120s")
    peers.wait_answering(NODE, 104, CALLED)
    # what was answered with Success arrives without anybody's help …
    safe = {instance: expected[instance] for instance in sent.acknowledged}
    for receiver in ("archive", "research"):
        peers.wait_received(receiver, safe, within=90)
    # … and the rest when the sender repeats it, as modalities do
    rest = {instance: file for instance, file in files.items() if instance not in sent.acknowledged}
    if rest:
        peers.load("rest-103", rest)
        assert peers.send("rest-103", to=NODE, called=CALLED).acknowledged == rest.keys()
    for receiver in ("archive", "research"):
        peers.wait_received(receiver, expected, within=90)


def test_a_suspended_destination_queues_and_sends_nothing(gateway: Kubectl, peers: Peers) -> None:
    # what the status says may be half a minute old
    eventually(lambda: _waiting(gateway, "archive"), lambda count: count == 0, within=60, what="an empty queue")
    gateway.patch_spec("destination", "archive", suspend=True)
    try:
        gateway.wait_condition("destination", "archive", "Programmed")
        sent = _send(peers, 104, 20)
        peers.wait_received("research", sent)
        eventually(lambda: _waiting(gateway, "archive"), lambda count: count == 20, within=60, what="the queue")
        assert not sent.keys() & peers.received("archive").keys()
    finally:
        gateway.patch_spec("destination", "archive", suspend=False)
    peers.wait_received("archive", sent)


def test_a_disabled_destination_excludes_what_comes_in(gateway: Kubectl, peers: Peers) -> None:
    gateway.patch_spec("destination", "archive", enabled=False)
    try:
        gateway.wait_condition("destination", "archive", "Programmed")
        excluded = _send(peers, 105, 5)
        peers.wait_received("research", excluded)
    finally:
        gateway.patch_spec("destination", "archive", enabled=True)
    gateway.wait_condition("destination", "archive", "Programmed")
    # what comes after arrives; in order, so that what did not come before it never will
    peers.wait_received("archive", _send(peers, 106, 5))
    assert not excluded.keys() & peers.received("archive").keys()


def test_a_suspended_node_keeps_what_it_receives(gateway: Kubectl, peers: Peers) -> None:
    eventually(lambda: _waiting(gateway, "research"), lambda count: count == 0, within=60, what="an empty queue")
    gateway.patch_spec("forwardnode", NODE, suspend=True)
    try:
        gateway.wait_condition("forwardnode", NODE, "Programmed")
        sent = _send(peers, 107, 5)
        eventually(lambda: _waiting(gateway, "research"), lambda count: count == 5, within=60, what="the queue")
        assert not sent.keys() & peers.received("research").keys()
    finally:
        gateway.patch_spec("forwardnode", NODE, suspend=False)
    for receiver in ("archive", "research"):
        peers.wait_received(receiver, sent)


@pytest.mark.parametrize("held", [3, 20])
def test_programmed_waits_for_the_pod(gateway: Kubectl, peers: Peers, node: Node, held: int) -> None:
    """Held for a moment the pod stays ready; held for longer it is not, but nobody kills it.

    How long it takes after that the conditions say: whoever asks may be late on a busy machine.
    """
    pod, identity = _pod(gateway), _identity(gateway)
    node.signal(pod, "STOP")
    try:
        gateway.patch_spec("destination", "research", description=f"changed while the gateway is held for {held} s")
        for kind, name in (("destination", "research"), ("forwardnode", NODE)):
            condition = gateway.wait_condition(kind, name, "Programmed", "False")
            assert GATEWAY in condition["message"]
        with pytest.raises(AssertionError):  # and stays so
            gateway.wait_condition("destination", "research", "Programmed", within=held)
    finally:
        node.signal(pod, "CONT")
    released = datetime.now(UTC).replace(microsecond=0)  # as conditions are dated
    for kind, name in (("destination", "research"), ("forwardnode", NODE)):
        condition = gateway.wait_condition(kind, name, "Programmed")
        took = datetime.fromisoformat(condition["lastTransitionTime"]) - released
        assert took.total_seconds() <= 10
    assert _identity(gateway) == identity


def test_counters_were_written_every_half_minute_at_most(counters: Counters) -> None:
    """Over all that the tests before have sent."""
    assert counters.changes() > 2, "nothing was counted"  # the faster the tests, the fewer changes
    assert counters.shortest_pause() >= 29
