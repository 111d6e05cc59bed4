# SPDX-License-Identifier: Apache-2.0
"""A real API server with the CRDs of this checkout: the cluster that `KUBECONFIG` names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dromos_crds.definitions import DEFINITIONS, GROUP
from tests.cluster.kubectl import Kubectl
from tests.cluster.together import common_folder, together, worker

CRDS = Path(__file__).resolve().parents[2] / "crds"
NAMES = [f"{definition.plural}.{GROUP}" for definition in DEFINITIONS]
NAMESPACE = f"dromos-test-crds-{worker()}"


@pytest.fixture(scope="session")
def crds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl for the cluster, once it serves the three kinds; CRDs that were not there before go again."""
    assert os.environ.get("KUBECONFIG"), "KUBECONFIG names no cluster"
    kubectl = Kubectl(NAMESPACE)
    folder = common_folder(tmp_path_factory)
    before = folder / "crds-before"

    def make() -> None:
        before.write_text("\n".join(name for name in NAMES if kubectl.get("crd", name) is not None))
        kubectl.run("apply", "--server-side", "--force-conflicts", "--kustomize", CRDS)
        kubectl.run("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{name}" for name in NAMES))

    def take_away() -> None:
        for name in set(NAMES) - set(before.read_text().split()):
            # not while someone else works with them: their objects would go, too
            if not kubectl.items(name, "--all-namespaces"):
                kubectl.run("delete", "crd", name, "--timeout=120s")

    with together(folder, "crds", make, take_away):
        yield kubectl


@pytest.fixture(scope="session")
def namespace(crds: Kubectl) -> Iterator[Kubectl]:
    """An empty namespace of this worker's own."""
    crds.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s", timeout=130)
    crds.run("create", "namespace", NAMESPACE)
    yield crds
    crds.run("delete", "namespace", NAMESPACE, "--timeout=120s", timeout=130)
