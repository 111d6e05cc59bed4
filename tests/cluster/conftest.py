# SPDX-License-Identifier: Apache-2.0
"""One cluster, one Dromos installed with Helm 4 for the whole session, a namespace with peers for whoever asks.

The cluster is the one `KUBECONFIG` names, with kubectl and helm in PATH and both images on its node; the provider in
tests/cluster/provider sets that up.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kubectl import Kubectl
from tests.cluster.node import NAME, Node, pod
from tests.cluster.peers import ORTHANC_PORT, STORESCP_PORT, Peers, orthanc, sender, storescp

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "dromos-system"
OPERATOR = "deployment/dromos-operator"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="session")
def cluster() -> Kubectl:
    """kubectl for the cluster under test; it has to answer."""
    assert os.environ.get("KUBECONFIG"), "KUBECONFIG names no cluster"
    kubectl = Kubectl("default")
    kubectl.run("get", "--raw", "/readyz")
    return kubectl


def make_namespace(cluster: Kubectl, name: str, labels: dict[str, str] | None = None) -> Kubectl:
    """A new, empty namespace, once its default ServiceAccount is there."""
    cluster.run("delete", "namespace", name, "--ignore-not-found", "--timeout=120s", timeout=130)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}})
    kubectl = Kubectl(name)
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    return kubectl


def drop_namespace(cluster: Kubectl, name: str) -> None:
    """Delete a namespace without waiting for it."""
    cluster.run("delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def installed(cluster: Kubectl) -> Iterator[Kubectl]:
    """Dromos, installed with Helm as the README says, in a namespace that enforces the restricted standard."""
    helm = os.environ.get("HELM", "helm")
    kubectl = make_namespace(cluster, SYSTEM, RESTRICTED)
    install = [helm, "install", "dromos", ROOT / "charts/dromos", "--namespace", SYSTEM, "--wait", "--timeout", "2m"]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{kubectl.run('describe', 'pods').stdout}"
    yield kubectl
    subprocess.run([helm, "uninstall", "dromos", "--namespace", SYSTEM, "--wait"], check=True, capture_output=True)
    drop_namespace(cluster, SYSTEM)


@pytest.fixture(scope="session")
def node(cluster: Kubectl) -> Iterator[Node]:
    """Signals from the node."""
    kubectl = make_namespace(cluster, "dromos-test-node", {"pod-security.kubernetes.io/enforce": "privileged"})
    kubectl.apply(pod())
    kubectl.run("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=60s")
    yield Node(kubectl)
    drop_namespace(cluster, kubectl.namespace)


@pytest.fixture(scope="session")
def peers(cluster: Kubectl) -> Iterator[Peers]:
    """A sender, a storescp named `archive` and an Orthanc named `research`: what the quickstart's manifests expect."""
    kubectl = make_namespace(cluster, "dromos-test-imaging", RESTRICTED)
    kubectl.apply(sender(), *storescp("archive"), *orthanc("research"))
    kubectl.wait_rollout("deployment/archive", "deployment/research")
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=60s")
    ready = Peers(kubectl)
    ready.wait_answering("archive", STORESCP_PORT)
    ready.wait_answering("research", ORTHANC_PORT)
    yield ready
    drop_namespace(cluster, kubectl.namespace)
