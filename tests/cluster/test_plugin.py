# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos` as kubectl itself runs it: the plugin found in PATH, a gateway that runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import STORESCP_PORT, Peers
from tests.cluster.plugin import plugin

API = "dromos.dev/v1alpha1"


@pytest.fixture(scope="module")
def looked_at(installed: Kubectl, peers: Peers) -> Iterator[Kubectl]:
    """A gateway with a Destination that answers and one that does not."""
    kubectl = peers.kubectl
    hosts = {"there": "archive", "nowhere": "no-such-host"}
    destinations = [
        {
            "apiVersion": API,
            "kind": "Destination",
            "metadata": {"name": name},
            "spec": {
                "forwardNodeRef": {"name": "looked-at"},
                "dicom": {"aeTitle": "A", "hostname": host, "port": STORESCP_PORT},
            },
        }
        for name, host in hosts.items()
    ]
    node = {"aeTitle": "LOOKED", "spool": {"size": "64Mi"}}
    kubectl.apply(
        {"apiVersion": API, "kind": "ForwardNode", "metadata": {"name": "looked-at"}, "spec": node}, *destinations
    )
    kubectl.wait_condition("forwardnode", "looked-at", "Ready", within=120)
    yield kubectl
    kubectl.run("delete", "forwardnode/looked-at", *(f"destination/{name}" for name in hosts))


def test_status_shows_who_answers(looked_at: Kubectl) -> None:
    done = eventually(
        lambda: plugin(looked_at, "status"),
        lambda found: " no " in found.stdout and " yes " in found.stdout,
        within=60,
        what="both destinations were asked",
    )
    assert "looked-at  LOOKED  1 of 1 pods ready" in done.stdout
    there, nowhere = (
        next(line for line in done.stdout.splitlines() if f" {name} " in line) for name in ("there", "nowhere")
    )
    assert there.split()[2:4] == ["True", "yes"]
    assert nowhere.split()[2:4] == ["True", "no"]
    assert "cannot be resolved" in nowhere
    shown = looked_at.run("get", "destinations").stdout
    assert "REACHABLE" in shown
    events = looked_at.items("events", "--field-selector", "reason=Unreachable")
    assert {event["involvedObject"]["name"] for event in events} == {"nowhere"}


def test_a_destination_is_asked_by_its_gateway(looked_at: Kubectl) -> None:
    done = plugin(looked_at, "echo", "there")
    assert (done.returncode, "answered in" in done.stdout) == (0, True), done.stderr
    assert plugin(looked_at, "echo", "nowhere").returncode == 1
    done = plugin(looked_at, "echo", "unknown")
    assert (done.returncode, "not found" in done.stderr) == (2, True)


def test_dead_letters_are_those_of_the_pods(looked_at: Kubectl) -> None:
    done = plugin(looked_at, "failures", "list", "--node", "looked-at")
    assert (done.returncode, done.stdout) == (0, "no dead letters\n"), done.stderr
    assert plugin(looked_at, "failures", "show", "4711", "--node", "looked-at").returncode == 1
