# SPDX-License-Identifier: Apache-2.0
"""pytest fixtures: the cluster, up for the whole session and left up for the next, and a namespace for one test."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.provider import cluster as clusters
from tests.cluster.provider.choice import choose
from tests.cluster.provider.process import Done, run

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class TestCluster:
    """What a test does with a cluster."""

    __test__ = False  # not a class of tests

    provider: clusters.Cluster

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.provider.kubeconfig

    @property
    def host_address(self) -> str:
        """An address of this machine that pods reach."""
        return self.provider.host_address()

    def kubectl(self, *words: str, input: str | None = None, check: bool = True, timeout: float = 180) -> Done:  # noqa: A002 - as subprocess.run has it
        """kubectl as the administrator."""
        return clusters.kubectl(self.provider, *words, stdin=input, check=check, timeout=timeout)

    def helm(self, *words: str | Path, check: bool = True, timeout: float = 180) -> Done:
        """Helm 4."""
        environment = self.provider.environment()
        return run(environment["HELM"], *words, check=check, timeout=timeout, environment=environment)

    def load(self, archive: Path) -> None:
        """Bring the images of a docker-archive onto the node."""
        self.provider.load(archive)

    def signal(self, namespace: str, pod: str, container: str, signal: str) -> None:
        """Send a signal to a container's main process from outside the container."""
        clusters.send_signal(self.provider, namespace, pod, container, signal)


@pytest.fixture(scope="session")
def cluster() -> TestCluster:
    """The cluster under test; a provider's own is started, and stays for the next session."""
    provider = choose(os.environ)
    provider.up()
    return TestCluster(provider)


@pytest.fixture
def namespace(cluster: TestCluster) -> Iterator[str]:
    """A new namespace that enforces the restricted pod security standard; it is deleted afterwards."""
    name = f"test-{secrets.token_hex(4)}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
    cluster.kubectl("apply", "--filename", "-", input=json.dumps(manifest))
    cluster.kubectl("--namespace", name, "wait", "--for=create", "serviceaccount/default", "--timeout=120s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
