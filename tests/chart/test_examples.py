# SPDX-License-Identifier: Apache-2.0
"""What can be said of the examples without a cluster: they are valid, indexed, and kubectl passes over expect.yaml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.chart.conftest import ROOT

DROMOS = Path(sys.executable).parent / "dromos"
EXPECTATIONS = sorted((ROOT / "examples").glob("*/expect.yaml"))


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda path: path.parent.name)
def test_dromos_validate_finds_nothing(expectation: Path) -> None:
    done = subprocess.run([DROMOS, "validate", expectation.parent], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expectation", EXPECTATIONS, ids=lambda path: path.parent.name)
def test_every_object_has_an_expectation(expectation: Path) -> None:
    expected = yaml.safe_load(expectation.read_text())
    # an empty List: kubectl apply --filename FOLDER finds nothing in it to apply
    assert (expected["apiVersion"], expected["kind"], expected["items"]) == ("v1", "List", [])
    manifests = [
        document
        for file in expectation.parent.glob("*.yaml")
        if file != expectation
        for document in yaml.safe_load_all(file.read_text())
    ]
    ours = {(m["kind"], m["metadata"]["name"]) for m in manifests if m["apiVersion"].startswith("dromos.dev/")}
    assert ours == {(entry["kind"], entry["name"]) for entry in expected["expect"]["objects"]}


def test_the_index_names_every_folder() -> None:
    index = (ROOT / "examples/README.md").read_text()
    folders = [path.name for path in (ROOT / "examples").iterdir() if path.is_dir()]
    assert folders
    assert all(f"({folder})" in index for folder in folders)
