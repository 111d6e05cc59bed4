# SPDX-License-Identifier: Apache-2.0
"""The chart carries the API's own CRDs: upgraded with it, kept when it goes."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import yaml

from tests.chart.conftest import CHART, ROOT, Helm, Render

KEEP = "helm.sh/resource-policy"


def _sources() -> dict[str, dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == "CustomResourceDefinition"}


def _rendered(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in documents if d["kind"] == "CustomResourceDefinition"}


def test_the_crds_are_those_of_the_api_and_are_kept(render: Render) -> None:
    rendered = _rendered(render())
    assert set(rendered) == {"forwardnodes.dromos.dev", "destinations.dromos.dev", "projects.dromos.dev"}
    for name, source in _sources().items():
        assert rendered[name]["metadata"]["annotations"][KEEP] == "keep"
        assert rendered[name]["spec"] == source["spec"]


def test_the_switch_leaves_them_out(render: Render) -> None:
    assert not _rendered(render({"crds": {"enabled": False}}))


def test_the_package_is_whole_without_the_repository(helm: Helm, render: Render, tmp_path: Path) -> None:
    helm("package", CHART, "--destination", tmp_path)
    (package,) = tmp_path.glob("dromos-*.tgz")
    with tarfile.open(package) as archive:
        members = archive.getmembers()
    assert all(member.isfile() for member in members), "a link would point out of the package"
    assert not [member.name for member in members if member.name.endswith((".py", ".md", "kustomization.yaml"))]
    assert _rendered(render(chart=package)) == _rendered(render())
