# SPDX-License-Identifier: Apache-2.0
"""Helm 4, as users run it: `$HELM`, else the one in PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/dromos"

Helm = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def helm_program() -> str:
    program = os.environ.get("HELM") or shutil.which("helm")
    assert program, "no helm: put Helm 4 in PATH or name it in HELM"
    version = subprocess.run([program, "version", "--short"], capture_output=True, text=True, check=True).stdout
    assert version.startswith("v4."), f"{program} is {version.strip()}, not Helm 4"
    return program


@pytest.fixture(scope="session")
def helm(helm_program: str) -> Helm:
    def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([helm_program, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def render(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """What `helm template` makes of the chart with these values, as documents."""

    def documents(
        values: Mapping[str, Any] | None = None, *, release: str = "dromos", chart: Path = CHART
    ) -> list[dict[str, Any]]:
        file = tmp_path_factory.mktemp("values") / "values.yaml"
        file.write_text(yaml.safe_dump(dict(values or {})))
        rendered = helm("template", release, chart, "--namespace", "dromos-system", "--values", file).stdout
        return [document for document in yaml.safe_load_all(rendered) if document]

    return documents
