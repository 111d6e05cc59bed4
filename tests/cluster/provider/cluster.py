# SPDX-License-Identifier: Apache-2.0
"""What every kind of cluster can do for a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.cluster.provider.process import Done, ProviderError, run


class Cluster(Protocol):
    """A cluster that a provider can start, feed with images and stop."""

    @property
    def kubeconfig(self) -> Path: ...

    def up(self) -> None:
        """Make it answer; does nothing when it does already."""

    def down(self) -> None:
        """Stop it and leave nothing behind."""

    def load(self, archive: Path) -> None:
        """Put the images of a docker-archive on the node."""

    def inside(self, words: Sequence[str]) -> list[str]:
        """The command line that runs a program in the cluster's network."""

    def kill(self, container: str, signal: str) -> list[str]:
        """The command line that sends a signal to a container's first process from outside of it."""

    def host_address(self) -> str:
        """An address of this machine that pods reach."""

    def environment(self) -> Mapping[str, str]:
        """Variables for tests: KUBECONFIG, and a PATH with kubectl and Helm 4."""


def kubectl(cluster: Cluster, *words: str, stdin: str | None = None, check: bool = True, timeout: float = 180) -> Done:
    """kubectl as the cluster's administrator."""
    return run("kubectl", *words, stdin=stdin, check=check, timeout=timeout, environment=cluster.environment())


def send_signal(cluster: Cluster, namespace: str, pod: str, container: str, signal: str) -> None:
    """Send SIGSTOP, SIGCONT, SIGKILL … to a container's first process; from within its own namespace it would not obey."""
    found = json.loads(kubectl(cluster, "-n", namespace, "get", "pod", pod, "-o", "json").stdout)
    for status in found["status"].get("containerStatuses", []):
        if status["name"] == container and "running" in status["state"]:
            name = signal if signal.startswith("SIG") else f"SIG{signal}"
            run(*cluster.kill(status["containerID"].partition("://")[2], name))
            return
    raise ProviderError(f"pod {namespace}/{pod} has no running container {container}")
