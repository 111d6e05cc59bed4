# SPDX-License-Identifier: Apache-2.0
"""`kubectl apply -k charts/kustomize` installs what the chart does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.chart.conftest import ROOT
from tests.cluster.conftest import drop_namespace, make_namespace
from tests.cluster.kubectl import Kubectl

KUSTOMIZE = ROOT / "charts/kustomize"


def build(folder: Path) -> list[dict[str, Any]]:
    kubectl = shutil.which("kubectl")
    assert kubectl, "no kubectl in PATH"
    built = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return list(yaml.safe_load_all(built.stdout))


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
    documents = build(KUSTOMIZE)
    kinds = sorted(document["kind"] for document in documents)
    assert kinds.count("CustomResourceDefinition") == 3
    assert kinds.count("Deployment") == kinds.count("Namespace") == 1
    namespaces = {document["metadata"].get("namespace", "dromos-system") for document in documents}
    assert namespaces == {"dromos-system"}


def test_another_image_is_the_gateways_as_well(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "crds", tmp_path / "crds")
    folder = tmp_path / "charts/kustomize"
    shutil.copytree(KUSTOMIZE, folder)
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (image,) = kustomization["images"]
    image |= {"newName": "registry.example/dromos", "newTag": "1"}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    (deployment,) = (document for document in build(folder) if document["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert container["image"] == variables["DROMOS_GATEWAY_IMAGE"] == "registry.example/dromos:1"
    assert variables["DROMOS_GATEWAY_IMAGE_PULL_POLICY"] == "IfNotPresent"


def test_an_api_server_takes_it_whole() -> None:
    cluster = Kubectl("default")
    system = make_namespace(cluster, "dromos-system", {"pod-security.kubernetes.io/enforce": "restricted"})
    try:
        # by force: other tests of this cluster may have left Helm's CRDs
        words = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--kustomize", KUSTOMIZE)
        done = system.run(*words, check=False)
    finally:
        drop_namespace(cluster, system.namespace)
    assert done.returncode == 0, done.stderr
    assert "would violate PodSecurity" not in done.stderr
    taken = [line for line in done.stdout.splitlines() if line.endswith("serverside-applied (server dry run)")]
    assert len(taken) == len(build(KUSTOMIZE))
