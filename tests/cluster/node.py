# SPDX-License-Identifier: Apache-2.0
"""Signals to the processes of a pod from its node, as the kernel or a power switch would send them.

A container's first process ignores SIGKILL and SIGSTOP from within its own PID namespace, so they come from a pod that
shares the node's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.peers import IMAGE

NAME = "node"
# Every process in the container's cgroup, whose path ends in the container's id whichever driver made it.
SIGNAL = """
found=0
for process in /proc/[0-9]*; do
  grep -q {container} $process/cgroup 2>/dev/null && kill -{signal} ${{process#/proc/}} && found=1
done
test $found = 1
"""


def pod() -> Manifest:
    """A privileged pod among the node's own processes."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {
            "hostPID": True,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": NAME,
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "infinity"],
                    "securityContext": {"privileged": True, "runAsUser": 0},
                }
            ],
        },
    }


@dataclass(frozen=True)
class Node:
    """The node of a one-node cluster."""

    kubectl: Kubectl

    def signal(self, pod: Mapping[str, Any], signal: str) -> None:
        """Send a signal (KILL, STOP, CONT) to every process of a pod's containers; fails when there is none."""
        for status in pod["status"]["containerStatuses"]:
            container = status["containerID"].partition("://")[2]
            self.kubectl.exec(NAME, "sh", "-c", SIGNAL.format(container=container, signal=signal))
