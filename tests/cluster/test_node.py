# SPDX-License-Identifier: Apache-2.0
"""The harness's signals reach a pod's processes: SIGKILL ends them, SIGSTOP holds them, SIGCONT lets them go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.node import Node
from tests.cluster.peers import STORESCP_PORT, Peers
from tests.cluster.studies import digests, study


def test_a_held_receiver_answers_when_it_is_let_go(peers: Peers, node: Node) -> None:
    archive = _pod(peers, "archive")
    files = study(5, 1)
    peers.load("held", files)
    node.signal(archive, "STOP")
    sending = peers.start_sending("held", to="archive", called="ANY", port=STORESCP_PORT)
    with pytest.raises(AssertionError):
        eventually(sending.poll, lambda code: code is not None, within=2)
    node.signal(archive, "CONT")
    eventually(sending.poll, lambda code: code == 0, within=60, what="storescu's end")
    sending.communicate()
    peers.wait_received("archive", digests(files))


def test_a_killed_container_is_started_again(peers: Peers, node: Node) -> None:
    pod = peers.pod("archive")
    node.signal(_pod(peers, "archive"), "KILL")

    def restarts() -> int:
        found = peers.kubectl.get("pod", pod)
        assert found
        return int(found["status"]["containerStatuses"][0]["restartCount"])

    eventually(restarts, lambda count: count == 1, within=90, what="restart of the container")
    peers.kubectl.wait_rollout("deployment/archive")
    peers.wait_answering("archive", STORESCP_PORT)


def _pod(peers: Peers, name: str) -> dict[str, Any]:
    found = peers.kubectl.get("pod", peers.pod(name))
    assert found
    return found
