# SPDX-License-Identifier: Apache-2.0
"""The operator's process against a real API server: what it makes, what it says, and that it then keeps still."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.apiserver.operator.manifests import destination, manifest, node
from tests.apiserver.operator.process import OperatorProcess
from tests.cluster.eventually import eventually, steadily
from tests.cluster.kubectl import Kubectl

OURS = "configmaps,secrets,services,serviceaccounts,statefulsets,networkpolicies,poddisruptionbudgets"
KINDS = f"forwardnodes,destinations,projects,{OURS}"
LABEL = ("--selector", "app.kubernetes.io/managed-by=dromos")
PLANTED = "planted-e0c5d1-secret"


def _versions(kubectl: Kubectl) -> dict[tuple[str, str], str]:
    return {(obj["kind"], obj["metadata"]["name"]): obj["metadata"]["resourceVersion"] for obj in kubectl.items(KINDS)}


def _orphans(kubectl: Kubectl) -> set[tuple[str, str]]:
    """What ForwardNodes had that tests before this one deleted: the cluster takes its time to remove it."""
    there = {obj["metadata"]["uid"] for obj in kubectl.items("forwardnodes")}
    return {
        (obj["kind"], obj["metadata"]["name"])
        for obj in kubectl.items(KINDS)
        for owner in obj["metadata"].get("ownerReferences", ())
        if owner["kind"] == "ForwardNode" and owner["uid"] not in there
    }


def _names(kubectl: Kubectl) -> set[tuple[str, str]]:
    return {(obj["kind"], obj["metadata"]["name"]) for obj in kubectl.items(OURS, *LABEL)}


@pytest.fixture(scope="module")
def radiology(imaging: Kubectl, operator: OperatorProcess) -> Kubectl:
    """A ForwardNode with a Destination, planned."""
    imaging.apply(node(), destination("archive"))
    imaging.wait_condition("forwardnode", "radiology", "Accepted", within=60)
    return imaging


def test_a_forward_node_gets_its_objects(radiology: Kubectl) -> None:
    assert eventually(lambda: _names(radiology), lambda found: len(found) == 9, within=60) == {
        ("ConfigMap", "radiology-config"),
        ("Secret", "radiology-credentials"),
        ("Secret", "radiology-pseudonyms"),
        ("Service", "radiology"),
        ("Service", "radiology-pods"),
        ("ServiceAccount", "radiology"),
        ("StatefulSet", "radiology"),
        ("NetworkPolicy", "radiology"),
        ("PodDisruptionBudget", "radiology"),
    }
    node = radiology.get("forwardnode", "radiology")
    assert node is not None
    for obj in radiology.items(OURS, *LABEL):
        assert [owner["uid"] for owner in obj["metadata"]["ownerReferences"]] == [node["metadata"]["uid"]]


def test_its_pods_are_admitted_by_the_restricted_standard(radiology: Kubectl) -> None:
    pod = eventually(lambda: radiology.get("pod", "radiology-0"), bool, within=90, what="pod radiology-0")
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert not any("serviceAccountToken" in str(volume) for volume in pod["spec"]["volumes"])


def test_programmed_names_the_pod_that_is_not_there(radiology: Kubectl) -> None:
    for kind, name in (("forwardnode", "radiology"), ("destination", "archive")):
        programmed = radiology.wait_condition(kind, name, "Programmed", "False", within=60)
        assert "pod radiology-0" in programmed["message"]
        assert radiology.condition(kind, name, "Ready")["status"] == "False"


def test_objects_of_users_carry_nothing_of_ours(radiology: Kubectl) -> None:
    for kind, name in (("forwardnode", "radiology"), ("destination", "archive")):
        metadata = (radiology.get(kind, name) or {})["metadata"]
        assert "finalizers" not in metadata
        assert set(metadata.get("annotations", {})) <= {"kubectl.kubernetes.io/last-applied-configuration"}


def test_a_destination_without_its_node_says_so_until_it_comes(imaging: Kubectl, operator: OperatorProcess) -> None:
    imaging.apply(destination("lost", to="cardiology"))
    resolved = imaging.wait_condition("destination", "lost", "ResolvedRefs", "False", within=60)
    assert resolved["reason"] == "ForwardNodeNotFound"
    assert resolved["message"].startswith("spec.forwardNodeRef.name: ")
    imaging.apply(node("cardiology", aeTitle="CARDIO", replicas=0))
    imaging.wait_condition("destination", "lost", "ResolvedRefs", "True", within=60)
    imaging.run("delete", "destination/lost", "forwardnode/cardiology")


def test_a_secret_that_comes_later_resolves_the_reference_and_stays_secret(
    radiology: Kubectl, operator: OperatorProcess
) -> None:
    tls = {"caRef": {"name": "ca"}}
    radiology.apply(destination("secured", dicom={"aeTitle": "A", "hostname": "h", "port": 104, "tls": tls}))
    resolved = radiology.wait_condition("destination", "secured", "ResolvedRefs", "False", within=60)
    assert (
        resolved["message"]
        == f"spec.dicom.tls.caRef.name: there is no Secret 'ca' in namespace {radiology.namespace!r}"
    )
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ca"}, "stringData": {"ca.crt": PLANTED}}
    radiology.apply(secret)
    radiology.wait_condition("destination", "secured", "ResolvedRefs", "True", within=60)

    def copied() -> str:
        data = (radiology.get("secret", "radiology-credentials") or {})["data"]
        return base64.b64decode(data.get("secret-ca.yaml", "")).decode()

    encoded = base64.b64encode(PLANTED.encode()).decode()
    eventually(copied, lambda text: encoded in text, within=60)
    for obj in radiology.items("configmaps,forwardnodes,destinations,pods,events"):
        # kubectl's own annotation is on the Secret, which is not among these
        assert PLANTED not in str(obj)
        assert encoded not in str(obj)
    log = operator.log.read_text()
    assert "applied" in log
    assert PLANTED not in log
    assert encoded not in log


def test_what_somebody_else_changes_or_deletes_is_put_right(radiology: Kubectl, operator: OperatorProcess) -> None:
    radiology.run("delete", "service/radiology")
    eventually(lambda: radiology.get("service", "radiology"), bool, within=60, what="the Service is back")
    port = '[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 11113}]'
    radiology.run("patch", "service/radiology", "--type=json", f"--patch={port}")
    eventually(
        lambda: (radiology.get("service", "radiology") or {})["spec"]["ports"][0]["targetPort"],
        lambda found: found == 11112,
        within=60,
        what="the Service's target port",
    )


def test_a_name_that_is_taken_is_left_alone_until_it_is_free(imaging: Kubectl, operator: OperatorProcess) -> None:
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken-config"}, "data": {"a": "b"}}
    imaging.apply(foreign)
    imaging.apply(node("taken", replicas=0))
    programmed = eventually(
        lambda: imaging.condition("forwardnode", "taken", "Programmed"),
        lambda condition: condition.get("reason") == "NameConflict",
        within=60,
    )
    assert "ConfigMap 'taken-config'" in programmed["message"]
    assert (imaging.get("configmap", "taken-config") or {})["data"] == {"a": "b"}
    imaging.run("delete", "configmap/taken-config")
    eventually(
        lambda: (imaging.get("configmap", "taken-config") or {}).get("data", {}),
        lambda data: "forwardnode.yaml" in data,
        within=90,
        what="the ConfigMap is ours",
    )
    imaging.run("delete", "forwardnode/taken")


def test_what_the_api_server_refuses_becomes_a_condition(imaging: Kubectl, operator: OperatorProcess) -> None:
    imaging.apply(node("refused", replicas=0, service={"type": "NodePort", "nodePort": 1}))
    programmed = eventually(
        lambda: imaging.condition("forwardnode", "refused", "Programmed"),
        lambda condition: condition.get("reason") == "Refused",
        within=60,
    )
    assert "Service 'refused'" in programmed["message"]
    assert imaging.get("statefulset", "refused") is not None, "the rest is made nevertheless"
    imaging.run("delete", "forwardnode/refused")


@pytest.mark.parametrize(
    "workload",
    [
        {"affinity": {"nodeAffinty": {}}},
        {"resources": {"requests": {"memory": "512MB"}}},
        {"imagePullSecrets": [{"name": "a"}, {"name": "a"}]},
    ],
    ids=["a field that is none", "an amount that is none", "the same twice"],
)
def test_what_fits_no_type_becomes_a_condition(
    imaging: Kubectl, operator: OperatorProcess, workload: dict[str, object]
) -> None:
    """Server-side apply answers 500 to it, as if the fault were its own (kubernetes#139253)."""
    imaging.apply(node("untyped", replicas=0, workload=workload))
    programmed = eventually(
        lambda: imaging.condition("forwardnode", "untyped", "Programmed"),
        lambda condition: condition.get("reason") == "Refused",
        within=60,
    )
    assert "StatefulSet 'untyped'" in programmed["message"]
    imaging.run("delete", "forwardnode/untyped")


def test_a_volume_grows_or_the_reason_why_not_is_said(radiology: Kubectl) -> None:
    radiology.apply(node("growing"))
    eventually(lambda: radiology.get("persistentvolumeclaim", "spool-growing-0"), bool, within=90, what="the claim")
    radiology.patch_spec("forwardnode", "growing", spool={"size": "128Mi"})

    def answer() -> str:
        claim = radiology.get("persistentvolumeclaim", "spool-growing-0") or {}
        if claim["spec"]["resources"]["requests"]["storage"] == "128Mi":
            return "it grows"
        programmed = radiology.condition("forwardnode", "growing", "Programmed")
        return programmed["message"] if programmed.get("reason") == "Refused" else ""

    said = eventually(answer, bool, within=90, what="a larger claim, or a refusal")
    assert said == "it grows" or said.startswith("PersistentVolumeClaim 'spool-growing-0'")
    radiology.run("delete", "forwardnode/growing")


def test_a_project_is_given_keys_once(imaging: Kubectl, operator: OperatorProcess) -> None:
    imaging.apply(
        manifest("Project", "study-a", profile={"name": "p", "profileElements": [{"codename": "c", "action": "X"}]})
    )
    imaging.wait_condition("project", "study-a", "Ready", within=60)
    secret = imaging.get("secret", "study-a-key") or {}
    keys = {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}
    assert len(keys[keys["active"]]) == 32
    assert "ownerReferences" not in secret["metadata"]
    imaging.run("delete", "project/study-a")
    assert (imaging.get("secret", "study-a-key") or {})["data"] == secret["data"]


def test_keys_that_exist_are_taken_as_they_are(imaging: Kubectl, operator: OperatorProcess) -> None:
    texts = {"active": "old", "old": "0123456789abcdef" * 2, "older": "00" * 16}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "study-b-key"}, "stringData": texts}
    imaging.apply(secret)
    before = imaging.get("secret", "study-b-key") or {}
    imaging.apply(manifest("Project", "study-b", profile={"name": "p", "profileElements": [{"codename": "c"}]}))
    imaging.wait_condition("project", "study-b", "Ready", within=60)
    assert imaging.get("secret", "study-b-key") == before
    imaging.run("patch", "secret", "study-b-key", "--type=merge", '--patch={"stringData": {"active": "none"}}')
    unusable = eventually(
        lambda: imaging.condition("project", "study-b", "ResolvedRefs"),
        lambda condition: condition.get("reason") == "InvalidKeys",
        within=60,
    )
    assert "spec.secretRef: Secret 'study-b-key'" in unusable["message"]
    assert texts["old"] not in str(imaging.get("project", "study-b"))
    imaging.run("delete", "project/study-b", "secret/study-b-key")


def test_with_nothing_changing_there_are_no_writes(radiology: Kubectl, operator: OperatorProcess) -> None:
    before = operator.writes()
    radiology.patch_spec("destination", "archive", description="changed")
    eventually(operator.writes, lambda count: count > before, within=60, what="a change is counted")

    def is_settled() -> bool:
        try:
            steadily(operator.writes, seconds=10)
        except AssertionError:
            return False
        return True

    eventually(is_settled, bool, within=90, what="an end of the writes that follow a change")
    eventually(lambda: _orphans(radiology), lambda left: not left, within=180, what="an end of what has no owner")
    versions = _versions(radiology)
    assert len(versions) > 8
    steadily(operator.writes, seconds=15, what="writes by the operator")  # a whole minute is watched in tests/cluster
    assert {key: version for key, version in _versions(radiology).items() if key in versions} == versions


def test_a_restart_changes_nothing_and_deletion_needs_no_operator(
    radiology: Kubectl, operator: OperatorProcess, tmp_path: Any
) -> None:
    assert operator.stop() == 0
    versions = _versions(radiology)
    again = OperatorProcess(radiology.namespace, tmp_path / "log")
    steadily(lambda: _versions(radiology), seconds=10, what="resource versions after a restart")
    assert _versions(radiology) == versions
    assert again.stop() == 0
    radiology.run("delete", "forwardnode/radiology")
    eventually(lambda: _names(radiology), lambda left: not left, within=60, what="objects of a deleted ForwardNode")
    eventually(lambda: radiology.get("pod", "radiology-0"), lambda pod: pod is None, within=90, what="its pod")
    assert radiology.get("persistentvolumeclaim", "spool-radiology-0") is not None, "what is queued outlives it"
