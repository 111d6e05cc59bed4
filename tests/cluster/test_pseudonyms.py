# SPDX-License-Identifier: Apache-2.0
"""Stored pseudonyms on a cluster: an image that has none waits; `dromos pseudonyms import` sends it on its way."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydicom import dcmread

from tests.cluster.conftest import ROOT
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import DATA, Peers
from tests.cluster.studies import has_meta, study, unpacked

EXAMPLE = ROOT / "examples/deid-pseudonym-stored"
NODE, DESTINATION, PROJECT = "radiology", "research", "study-a"
NUMBER, INSTANCES = 410, 5


@pytest.fixture
def gateway(installed: Kubectl, peers: Peers) -> Iterator[Kubectl]:
    kubectl = peers.kubectl
    kubectl.run("apply", "--filename", EXAMPLE)
    for kind, name in (("forwardnode", NODE), ("destination", DESTINATION), ("project", PROJECT)):
        kubectl.wait_condition(kind, name, "Ready")
    peers.wait_answering(NODE, 104, "RADIOLOGY")
    yield kubectl
    kubectl.run("annotate", "project", PROJECT, "dromos.dev/allow-deletion=true")  # its user goes with it
    kubectl.run("delete", "--filename", EXAMPLE, "--ignore-not-found")


def _waiting(kubectl: Kubectl) -> int:
    found = kubectl.get("destination", DESTINATION) or {}
    return int(found.get("status", {}).get("queue", {}).get("waiting", -1))


def _patients(peers: Peers) -> list[tuple[str, str]]:
    """Name and sponsor of what the research archive holds of the study."""
    archive = peers.kubectl.bytes_of(peers.pod(DESTINATION), "sh", "-c", f"tar -cC {DATA} . 2>/dev/null || true")
    files = [dcmread(io.BytesIO(file), stop_before_pixels=True) for file in unpacked(archive) if has_meta(file)]
    return [
        (str(data.PatientName), data.ClinicalTrialSponsorName) for data in files if "ClinicalTrialSponsorName" in data
    ]


def test_what_waits_goes_once_its_pseudonym_is_imported(gateway: Kubectl, peers: Peers) -> None:
    pod = gateway.get("pod", f"{NODE}-0")
    assert pod is not None
    peers.load(f"study-{NUMBER}", study(NUMBER, INSTANCES))
    sent = peers.send(f"study-{NUMBER}", to=NODE, called="RADIOLOGY")
    assert (sent.code, len(sent.acknowledged)) == (0, INSTANCES), sent.log
    eventually(lambda: _waiting(gateway), lambda count: count == INSTANCES, within=90, what="all of them wait")
    assert _patients(peers) == []
    command = [
        sys.executable, "-m", "dromos_gateway.cli", "pseudonyms", "import", "-", "--project", PROJECT,
        "--namespace", gateway.namespace,
    ]  # fmt: skip
    table = f"PatientID,IssuerOfPatientID,Pseudonym\nE2E-{NUMBER},HUG,PSN-{NUMBER}\n"
    done = subprocess.run(command, input=table, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = [(f"PSN-{NUMBER}", PROJECT)] * INSTANCES
    eventually(lambda: _patients(peers), lambda found: found == expected, within=120, what="they arrive")
    gateway.wait_condition("destination", DESTINATION, "Programmed")
    after = gateway.get("pod", f"{NODE}-0")
    assert after is not None
    assert after["metadata"]["uid"] == pod["metadata"]["uid"], "no pod was replaced for it"


def _profile(kubectl: Kubectl) -> dict[str, str]:
    found = kubectl.get("destination", DESTINATION) or {}
    return dict(found.get("status", {}).get("profile") or {})


def test_another_key_or_profile_is_said_at_the_destination(gateway: Kubectl) -> None:
    first = eventually(lambda: _profile(gateway), lambda said: "appliedAt" in said, within=90, what="what is applied")
    key = {"stringData": {"active": "second", "second": "0123456789abcdef0123456789abcdef"}}
    gateway.run("patch", "secret", f"{PROJECT}-key", "--patch", json.dumps(key))
    second = eventually(
        lambda: _profile(gateway),
        lambda said: said.get("secretFingerprint", "") not in ("", first["secretFingerprint"]),
        within=120,
        what="another fingerprint",
    )
    assert (second["name"], second["version"]) == (first["name"], first["version"])
    assert second["appliedAt"] >= first["appliedAt"]
    project = gateway.get("project", PROJECT)
    assert project is not None
    gateway.patch_spec("project", PROJECT, profile=project["spec"]["profile"] | {"version": "another"})
    third = eventually(
        lambda: _profile(gateway), lambda said: said.get("version") == "another", within=120, what="another version"
    )
    assert third["secretFingerprint"] == second["secretFingerprint"]
    assert third["appliedAt"] >= second["appliedAt"]
