# SPDX-License-Identifier: Apache-2.0
"""One cluster, one Dromos installed with Helm 4 for all workers, a namespace with peers for each module that asks.

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
from tests.cluster.together import common_folder, together

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "dromos-system"
OPERATOR = "deployment/dromos-operator"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
HELM = os.environ.get("HELM", "helm")


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
    kubectl.run("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
    return kubectl


def drop_namespace(cluster: Kubectl, name: str) -> None:
    """Delete a namespace without waiting for it."""
    cluster.run("delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def installed(cluster: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Dromos, installed with Helm as the README says, in a namespace that enforces the restricted standard."""
    with together(common_folder(tmp_path_factory), "installed", lambda: _install(cluster), lambda: _uninstall(cluster)):
        yield Kubectl(SYSTEM)


def _install(cluster: Kubectl) -> None:
    kubectl = make_namespace(cluster, SYSTEM, RESTRICTED)
    install = [HELM, "install", "dromos", ROOT / "charts/dromos", "--namespace", SYSTEM, "--wait", "--timeout", "3m"]
    done = subprocess.run(list(map(str, install)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{kubectl.run('describe', 'pods').stdout}"


def _uninstall(cluster: Kubectl) -> None:
    subprocess.run([HELM, "uninstall", "dromos", "--namespace", SYSTEM, "--wait"], check=True, capture_output=True)
    drop_namespace(cluster, SYSTEM)


@pytest.fixture(scope="module")
def node(cluster: Kubectl, request: pytest.FixtureRequest) -> Iterator[Node]:
    """Signals from the node."""
    kubectl = make_namespace(cluster, f"{_of_module(request)}-node", PRIVILEGED)
    kubectl.apply(pod())
    kubectl.run("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=120s", timeout=130)
    yield Node(kubectl)
    drop_namespace(cluster, kubectl.namespace)


@pytest.fixture(scope="module")
def peers(cluster: Kubectl, request: pytest.FixtureRequest) -> Iterator[Peers]:
    """A sender, a storescp named `archive` and an Orthanc named `research`: what the quickstart's manifests expect."""
    kubectl = make_namespace(cluster, _of_module(request), RESTRICTED)
    kubectl.apply(sender(), *storescp("archive"), *orthanc("research"))
    kubectl.wait_rollout("deployment/archive", "deployment/research")
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=120s", timeout=130)
    ready = Peers(kubectl)
    ready.wait_answering("archive", STORESCP_PORT)
    ready.wait_answering("research", ORTHANC_PORT)
    yield ready
    drop_namespace(cluster, kubectl.namespace)


def _of_module(request: pytest.FixtureRequest) -> str:
    """A namespace for a module of tests: several workers run, each with a module of its own."""
    return "dromos-" + request.module.__name__.rpartition(".")[2].replace("_", "-")
