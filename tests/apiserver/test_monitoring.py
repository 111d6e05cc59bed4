# SPDX-License-Identifier: Apache-2.0
"""What the chart and the example have for Prometheus' operator, judged by its own CRDs in a real API server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.kubectl import Kubectl

ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "tests/monitoring/crds"
EXAMPLE = ROOT / "examples/monitoring"
VALUES = ("serviceMonitor.enabled=true", "prometheusRule.enabled=true", "dashboard.enabled=true")
STRICT = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-")


@pytest.fixture(scope="module")
def judged(namespace: Kubectl) -> Iterator[Kubectl]:
    """A namespace of a cluster that knows the kinds; CRDs that were not there before go again."""
    names = [f"{path.stem}.monitoring.coreos.com" for path in CRDS.glob("*.yaml")]
    before = {name for name in names if namespace.get("crd", name) is not None}
    namespace.run("apply", "--server-side", "--force-conflicts", "--filename", CRDS)
    namespace.run("wait", "--for=condition=Established", "--timeout=120s", *(f"crd/{name}" for name in names))
    yield namespace
    for name in set(names) - before:
        namespace.run("delete", "crd", name, "--timeout=120s")


def _ours(text: str) -> list[dict]:
    documents = [document for document in yaml.safe_load_all(text) if document]
    found = [document for document in documents if document["apiVersion"].startswith("monitoring.coreos.com/")]
    return [{**document, "metadata": {**document["metadata"], "namespace": None}} for document in found]


def _rendered() -> list[dict]:
    helm = os.environ.get("HELM") or shutil.which("helm")
    assert helm, "no helm: put Helm 4 in PATH or name it in HELM"
    settings = [word for value in VALUES for word in ("--set", f"monitoring.{value}")]
    command = [helm, "template", "dromos", str(ROOT / "charts/dromos"), *settings]
    return _ours(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_the_charts_objects_are_what_their_kinds_allow(judged: Kubectl) -> None:
    objects = _rendered()
    assert sorted(each["kind"] for each in objects) == ["PrometheusRule", "ServiceMonitor", "ServiceMonitor"]
    judged.run(*STRICT, stdin=yaml.safe_dump_all(objects))


def test_the_examples_are_what_their_kinds_allow(judged: Kubectl) -> None:
    objects = [each for path in sorted(EXAMPLE.glob("*.yaml")) for each in _ours(path.read_text())]
    assert sorted(each["kind"] for each in objects) == ["PodMonitor", "PrometheusRule"]
    judged.run(*STRICT, stdin=yaml.safe_dump_all(objects))


def test_a_field_that_is_none_would_be_seen(judged: Kubectl) -> None:
    objects = _rendered()
    for each in objects:
        each["spec"]["endpoint"] = []
    done = judged.run(*STRICT, stdin=yaml.safe_dump_all(objects), check=False)
    assert done.returncode != 0
    assert "endpoint" in done.stderr
