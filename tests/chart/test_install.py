# SPDX-License-Identifier: Apache-2.0
"""`kubectl apply -k charts/kustomize` installs what the chart does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.chart.conftest import ROOT

KUSTOMIZE = ROOT / "charts/kustomize"


def test_the_rendered_file_is_up_to_date(helm_program: str, tmp_path: Path) -> None:
    fresh = tmp_path / "install.yaml"
    environment = {**os.environ, "HELM": helm_program}
    subprocess.run([ROOT / "hack/render-install.sh", fresh], check=True, env=environment)
    assert (KUSTOMIZE / "install.yaml").read_text() == fresh.read_text(), "run hack/render-install.sh"


def test_it_claims_nothing_for_helm() -> None:
    text = (KUSTOMIZE / "install.yaml").read_text()
    assert "managed-by: Helm" not in text
    assert "helm.sh/" not in text


def test_kustomize_builds_it_whole() -> None:
    kubectl = shutil.which("kubectl")
    assert kubectl, "no kubectl in PATH"
    built = subprocess.run([kubectl, "kustomize", KUSTOMIZE], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    documents = list(yaml.safe_load_all(built.stdout))
    kinds = sorted(document["kind"] for document in documents)
    assert kinds.count("CustomResourceDefinition") == 3
    assert kinds.count("Deployment") == kinds.count("Namespace") == 1
    namespaces = {document["metadata"].get("namespace", "dromos-system") for document in documents}
    assert namespaces == {"dromos-system"}
