# SPDX-License-Identifier: Apache-2.0
"""Every folder of examples/ that has manifests of Dromos runs: its status becomes what expect.yaml says, without drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import ROOT, drop_namespace, make_namespace
from tests.cluster.kubectl import Kubectl

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/expect.yaml"))


def test_every_example_says_what_to_expect() -> None:
    """argocd/ is for Argo CD's own namespace, monitoring/ for Prometheus' operator; both have tests of their own."""
    folders = {path for path in (ROOT / "examples").iterdir() if path.is_dir()}
    assert folders - set(EXAMPLES) == {ROOT / "examples/argocd", ROOT / "examples/monitoring"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example(cluster: Kubectl, installed: Kubectl, example: Path) -> None:
    kubectl = make_namespace(cluster, f"example-{example.name}", {"pod-security.kubernetes.io/enforce": "restricted"})
    kubectl.run("apply", "--filename", example)
    diff = kubectl.run("diff", "--filename", example, check=False)
    assert (diff.returncode, diff.stdout) == (0, ""), "what the API server defaults is no drift"
    expect = yaml.safe_load((example / "expect.yaml").read_text())["expect"]
    for entry in expect["objects"]:
        _meets(kubectl, entry, within=float(expect["within"].removesuffix("s")))
    diff = kubectl.run("diff", "--filename", example, check=False)
    assert (diff.returncode, diff.stdout) == (0, ""), "nor what the operator writes"
    drop_namespace(cluster, kubectl.namespace)


def _meets(kubectl: Kubectl, entry: dict[str, Any], *, within: float) -> None:
    assert entry["conditions"], "an expectation that can't fail"
    for type_, status in entry["conditions"].items():
        kubectl.wait_condition(entry["kind"], entry["name"], type_, status, within=within)
