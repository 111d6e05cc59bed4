# SPDX-License-Identifier: Apache-2.0
"""Mistakes get one clear message, from kubectl and from `dromos validate`, and harm nothing that is valid."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.conftest import drop_namespace, make_namespace
from tests.cluster.kubectl import Kubectl

DROMOS = Path(sys.executable).parent / "dromos"

NODE = """\
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: bad}
spec:
"""
DESTINATION = """\
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {name: bad}
spec:
  forwardNodeRef: {name: good}
"""
DICOM = "  dicom: {aeTitle: A, hostname: pacs.example, port: 104}\n"
STOW = "  stow: {url: 'https://pacs.example/studies'}\n"


@dataclass(frozen=True)
class Mistake:
    """A manifest with one mistake, and what its message must hold: the field's path and what is allowed.

    `allowed` is in the API server's words, `range` in those of `dromos validate` where they differ.
    """

    manifest: str
    field: str
    allowed: tuple[str, ...]
    range: tuple[str, ...] = ()


REFUSED = {
    "unknown field": Mistake(
        NODE + "  aeTitle: A\n  aeTitel: B\n", "spec.aeTitel", ("unknown field",), ("did you mean aeTitle?",)
    ),
    "port 0": Mistake(
        DESTINATION + DICOM.replace("104", "0"), "spec.dicom.port", ("greater than or equal to 1",), ("1 to 65535",)
    ),
    "port 70000": Mistake(
        DESTINATION + DICOM.replace("104", "70000"),
        "spec.dicom.port",
        ("less than or equal to 65535",),
        ("1 to 65535",),
    ),
    "17 characters": Mistake(NODE + "  aeTitle: ABCDEFGHIJKLMNOPQ\n", "spec.aeTitle", ("16",)),
    "both": Mistake(DESTINATION + DICOM + STOW, "spec", ("exactly one of", "dicom", "stow")),
    "neither": Mistake(DESTINATION, "spec", ("exactly one of", "dicom", "stow")),
}


@pytest.fixture(scope="module")
def kubectl(cluster: Kubectl, installed: Kubectl) -> Iterator[Kubectl]:
    """A namespace with a gateway that is as it should be."""
    kubectl = make_namespace(cluster, "dromos-test-mistakes")
    api = "dromos.dev/v1alpha1"
    kubectl.apply(
        {"apiVersion": api, "kind": "ForwardNode", "metadata": {"name": "good"}, "spec": {"aeTitle": "GOOD"}},
        {
            "apiVersion": api,
            "kind": "Destination",
            "metadata": {"name": "good"},
            "spec": {
                "forwardNodeRef": {"name": "good"},
                "dicom": {"aeTitle": "PACS", "hostname": "pacs.example", "port": 104},
            },
        },
    )
    kubectl.wait_condition("forwardnode", "good", "Ready", within=120)
    yield kubectl
    drop_namespace(cluster, kubectl.namespace)


@pytest.mark.parametrize("mistake", REFUSED.values(), ids=REFUSED)
def test_kubectl_refuses_it_and_says_why(kubectl: Kubectl, tmp_path: Path, mistake: Mistake) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(mistake.manifest)
    done = kubectl.run("apply", "--filename", file, check=False)
    assert done.returncode != 0
    for words in (mistake.field, *mistake.allowed):
        assert words in done.stderr
    assert kubectl.get("forwardnode", "bad") is None
    assert kubectl.get("destination", "bad") is None


@pytest.mark.parametrize("mistake", REFUSED.values(), ids=REFUSED)
def test_validate_says_file_line_and_field(tmp_path: Path, mistake: Mistake) -> None:
    (tmp_path / "node.yaml").write_text(NODE.replace("bad", "good") + "  aeTitle: GOOD\n")
    file = tmp_path / "bad.yaml"
    file.write_text(mistake.manifest)
    done = subprocess.run([DROMOS, "validate", tmp_path], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    lines = [line for line in said.splitlines() if f"{file}:" in line]
    assert len(lines) == 1, f"one mistake, one message: {said}"
    for words in (mistake.field, *(mistake.range or mistake.allowed)):
        assert words in lines[0]
    assert "node.yaml" not in said


def test_a_syntax_error_names_file_and_line(kubectl: Kubectl, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(NODE + "  aeTitle: [A\n")
    done = kubectl.run("apply", "--filename", file, check=False)
    assert done.returncode != 0
    assert "bad.yaml" in done.stderr
    assert "line" in done.stderr
    done = subprocess.run([DROMOS, "validate", file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{file}:" in done.stdout + done.stderr


def test_a_missing_forward_node_is_a_condition(kubectl: Kubectl, tmp_path: Path) -> None:
    text = DESTINATION.replace("good", "nobody") + DICOM
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    kubectl.run("apply", "--filename", file)
    condition = kubectl.wait_condition("destination", "bad", "ResolvedRefs", "False")
    for words in ("spec.forwardNodeRef.name", "nobody", "good"):  # the one there is
        assert words in condition["message"]
    kubectl.wait_condition("destination", "bad", "Ready", "False")
    done = subprocess.run([DROMOS, "validate", file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "spec.forwardNodeRef" in done.stdout + done.stderr


def test_what_is_valid_goes_on(kubectl: Kubectl) -> None:
    """Beside a Destination that means nothing, one that is new and one that was there are both programmed."""
    good = kubectl.get("destination", "good")
    assert good
    kubectl.apply(
        {
            "apiVersion": good["apiVersion"],
            "kind": "Destination",
            "metadata": {"name": "new"},
            "spec": good["spec"],
        }
    )
    for name in ("good", "new"):
        kubectl.wait_condition("destination", name, "Ready")
    kubectl.wait_condition("forwardnode", "good", "Ready")
