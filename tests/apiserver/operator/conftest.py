# SPDX-License-Identifier: Apache-2.0
"""A namespace that enforces the restricted standard, and an operator that watches it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.apiserver.operator.process import OperatorProcess
from tests.cluster.kubectl import Kubectl


@pytest.fixture(scope="module")
def imaging(crds: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """An empty namespace, of the module's own, in which only restricted pods are admitted."""
    name = f"dromos-{request.module.__name__.rpartition('.')[2].replace('_', '-')}"
    crds.run("delete", "namespace", name, "--ignore-not-found", "--timeout=120s", timeout=130)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    crds.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield Kubectl(name)
    crds.run("delete", "namespace", name, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def operator(imaging: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The operator, for all tests of a module."""
    process = OperatorProcess(imaging.namespace, tmp_path_factory.mktemp("operator") / "log")
    yield process
    assert process.stop() == 0, process.log.read_text()[-2000:]
