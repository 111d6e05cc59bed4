# SPDX-License-Identifier: Apache-2.0
"""`dromos pseudonyms` through a kubeconfig: the Secret of a Project is patched, and nobody's change is overwritten."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from dromos_gateway.pseudonyms.cluster import Cluster
from tests.cluster.kubectl import Kubectl

API = "dromos.dev/v1alpha1"
PROJECT = {
    "apiVersion": API,
    "kind": "Project",
    "metadata": {"name": "study-a"},
    "spec": {"profile": {"name": "p"}, "pseudonyms": {"secretKeyRef": {"name": "ids", "key": "pseudonyms.csv"}}},
}


def dromos(kubectl: Kubectl, action: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "dromos_gateway.cli", "pseudonyms", action, "--project", "study-a",
        "--namespace", kubectl.namespace, *words,
    ]  # fmt: skip
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def stored(kubectl: Kubectl) -> str:
    secret = kubectl.get("secret", "ids")
    assert secret is not None
    return base64.b64decode(secret["data"]["pseudonyms.csv"]).decode()


@pytest.fixture
def project(namespace: Kubectl) -> Kubectl:
    namespace.run("delete", "secret", "ids", "--ignore-not-found")
    namespace.apply(PROJECT)
    return namespace


def test_a_projects_secret_is_made_patched_and_read(project: Kubectl) -> None:
    done = dromos(project, "import", "-", stdin="PatientID,IssuerOfPatientID,Pseudonym\nP1,HUG,ONE\n")
    assert (done.returncode, done.stderr) == (0, "")
    project.run("patch", "secret", "ids", "--type", "merge", "--patch", '{"stringData": {"other": "stays"}}')
    done = dromos(project, "import", "-", stdin="PatientID,Pseudonym\nP2,TWO\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert stored(project) == "PatientID,IssuerOfPatientID,Pseudonym\nP1,HUG,ONE\nP2,,TWO\n"
    assert base64.b64decode((project.get("secret", "ids") or {})["data"]["other"]) == b"stays"
    assert dromos(project, "find", "--pseudonym", "ONE", "--format", "csv").stdout.endswith("\nP1,HUG,ONE\n")
    done = dromos(project, "import", "-", stdin="PatientID,Pseudonym\nP3,TRI\nP4,TWO\n")
    assert (done.returncode, done.stderr.partition("\n")[0]) == (
        1,
        "standard input:3: another patient has this pseudonym already",
    )
    assert dromos(project, "delete", "--patient-id", "P1").returncode == 0
    assert stored(project) == "PatientID,IssuerOfPatientID,Pseudonym\nP2,,TWO\n"


def test_nobodys_change_is_overwritten(project: Kubectl) -> None:
    project.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ids"}, "stringData": {"k": "one"}})
    tries: list[bytes] = []

    def change(content: bytes) -> tuple[bytes, int]:
        tries.append(content)
        if len(tries) == 1:
            project.run("patch", "secret", "ids", "--type", "merge", "--patch", '{"stringData": {"k": "two"}}')
        return content + b"+", len(tries)

    assert Cluster(namespace=project.namespace).change_value("ids", "k", change) == 2
    assert tries == [b"one", b"two"]
    secret = project.get("secret", "ids")
    assert secret is not None
    assert base64.b64decode(secret["data"]["k"]) == b"two+"


def test_what_is_not_there_is_said(project: Kubectl, tmp_path: Path) -> None:
    project.run("delete", "project", "study-a")
    done = dromos(project, "list")
    assert (done.returncode, done.stderr) == (
        2,
        f"dromos pseudonyms: there is no Project study-a in namespace {project.namespace}\n",
    )
