# SPDX-License-Identifier: Apache-2.0
"""A real API server with the CRDs of this checkout: the cluster that `KUBECONFIG` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dromos_crds.definitions import DEFINITIONS, GROUP
from tests.cluster.kubectl import Kubectl

CRDS = Path(__file__).resolve().parents[2] / "crds"
NAMESPACE = "dromos-test-crds"


@pytest.fixture(scope="session")
def crds() -> Iterator[Kubectl]:
    """kubectl for the cluster, once it serves the three kinds; CRDs that were not there before go again."""
    assert os.environ.get("KUBECONFIG"), "KUBECONFIG names no cluster"
    kubectl = Kubectl(NAMESPACE)
    names = [f"{definition.plural}.{GROUP}" for definition in DEFINITIONS]
    before = {name for name in names if kubectl.get("crd", name) is not None}
    kubectl.run("apply", "--server-side", "--force-conflicts", "--kustomize", CRDS)
    kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in names))
    yield kubectl
    for name in set(names) - before:
        # not while someone else works with them: their objects would go, too
        if not kubectl.items(name, "--all-namespaces"):
            kubectl.run("delete", "crd", name, "--timeout=60s")


@pytest.fixture(scope="session")
def namespace(crds: Kubectl) -> Iterator[Kubectl]:
    """An empty namespace of its own."""
    crds.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s", timeout=130)
    crds.run("create", "namespace", NAMESPACE)
    yield crds
    crds.run("delete", "namespace", NAMESPACE, "--timeout=120s", timeout=130)
