# SPDX-License-Identifier: Apache-2.0
"""The CRDs on a real API server: what it takes, what it refuses, and what a person reads then."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from dromos_crds import Destination, ForwardNode, Project
from dromos_crds.definitions import DEFINITIONS, GROUP
from tests.apiserver.case import BASES, STOW, Case
from tests.apiserver.crd_cases import CASES
from tests.cluster.kubectl import Done, Kubectl


def dry_run(kubectl: Kubectl, manifest: dict[str, Any]) -> Done:
    text = yaml.safe_dump(manifest)
    return kubectl.run("apply", "--dry-run=server", "--output", "json", "--filename", "-", stdin=text, check=False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_rule(namespace: Kubectl, case: Case) -> None:
    done = dry_run(namespace, case.manifest())
    if not case.says:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0, "it was taken"
        for part in case.says:
            assert part in done.stderr


@pytest.mark.parametrize(
    ("base", "before", "after", "says"),
    [
        ("dicom", {}, {"spec.forwardNodeRef.name": "other"}, ("spec.forwardNodeRef", "cannot be changed")),
        ("dicom", {}, {"spec.dicom.port": 105}, ()),
        ("node", {"spec.spool.size": "1Gi"}, {"spec.spool.size": "1023Mi"}, ("spec.spool.size", "only grow")),
        ("node", {"spec.spool.size": "1Gi"}, {}, ()),  # the default is larger
        ("node", {"spec.spool.size": "1Gi"}, {"spec.spool.size": "1024Mi"}, ()),
        ("node", {"spec.spool.size": "30Gi"}, {}, ("spec.spool.size", "only grow")),
        (
            "node",
            {"spec.spool.storageClassName": "fast"},
            {"spec.spool.storageClassName": "slow"},
            ("storageClassName cannot be changed",),
        ),
        ("node", {"spec.spool.storageClassName": "fast"}, {}, ("storageClassName cannot be changed",)),
        ("node", {}, {"spec.spool.storageClassName": "fast"}, ("storageClassName cannot be changed",)),
        ("node", {"spec.spool.storageClassName": "fast"}, {"spec.spool": {"storageClassName": "fast"}}, ()),
    ],
)
def test_what_an_update_may_change(
    namespace: Kubectl, base: str, before: dict[str, Any], after: dict[str, Any], says: tuple[str, ...]
) -> None:
    first = Case("before", base, before).manifest("changing")
    namespace.apply(first)
    try:
        done = dry_run(namespace, Case("after", base, after).manifest("changing"))
    finally:
        namespace.run("delete", first["kind"], "changing")
    assert (done.returncode == 0) is (not says), done.stderr
    for part in says:
        assert part in done.stderr


def test_defaults_are_written_where_they_mean_something(namespace: Kubectl) -> None:
    spec = json.loads(dry_run(namespace, Case("defaults", "node").manifest()).stdout)["spec"]
    assert spec == {
        "aeTitle": "DROMOS",
        "limits": {"associations": 100, "idleTimeout": "60s"},
        "service": {"type": "ClusterIP", "port": 104, "externalTrafficPolicy": "Local", "nodePort": 0},
        "spool": {"size": "20Gi", "retentionPolicy": "Retain"},
        "suspend": False,
        "transferLog": {
            "maxAge": "720h",
            "maxRows": 1000000,
            "originalIdentifiers": "Encrypted",
            "outgoingIdentifiers": "Plain",
        },
    }
    spec = json.loads(dry_run(namespace, Case("defaults", "dicom").manifest()).stdout)["spec"]
    assert spec["dicom"] == BASES["dicom"][1]["dicom"] | {"concurrency": 2, "useDestinationAETitle": False}
    assert (spec["enabled"], spec["suspend"], spec["retry"]) == (True, False, {"maxAge": "168h"})
    optional = {"spec.transferSyntax": {"uid": "1.2.840.10008.1.2.4.80"}, "spec.notifications": {}}
    spec = json.loads(dry_run(namespace, Case("defaults", "stow", optional).manifest()).stdout)["spec"]
    assert spec["stow"] == STOW | {"concurrency": 2}
    assert spec["transferSyntax"]["onlyUncompressed"] is True
    assert spec["notifications"] == {
        "errorSubjectPrefix": "**ERROR**",
        "rejectionSubjectPrefix": "**REJECTED**",
        "subjectPattern": "[Dromos Notification] %s %.30s",
        "subjectValues": ["PatientID", "StudyDescription"],
        "interval": "45s",
    }
    relay = {"spec.smtp": {"host": "mail.example", "sender": "dromos@example"}}
    spec = json.loads(dry_run(namespace, Case("defaults", "node", relay).manifest()).stdout)["spec"]
    assert (spec["smtp"]["port"], spec["smtp"]["security"]) == (587, "StartTLS")
    spec = json.loads(dry_run(namespace, Case("defaults", "project").manifest()).stdout)["spec"]
    assert (spec["compatibility"], spec["uncleanable"]) == ("Strict", "Hold")


def test_nothing_is_written_into_list_items(namespace: Kubectl) -> None:
    sources = [{"aeTitle": "CT1", "hostname": "ct1"}]
    done = dry_run(namespace, Case("list", "node", {"spec.sources": sources}).manifest())
    assert json.loads(done.stdout)["spec"]["sources"] == sources


@pytest.mark.parametrize("case", [case for case in CASES if not case.says], ids=str)
def test_what_the_server_stores_is_what_the_models_read(namespace: Kubectl, case: Case) -> None:
    stored = json.loads(dry_run(namespace, case.manifest()).stdout)
    model = {"ForwardNode": ForwardNode, "Destination": Destination, "Project": Project}[stored["kind"]]
    given = model.model_validate(case.manifest() | {"metadata": stored["metadata"]})
    assert model.model_validate(stored) == given


def test_kubectl_knows_the_kinds_by_short_name_and_category(namespace: Kubectl) -> None:
    listed = namespace.run("api-resources", "--api-group", GROUP, "--no-headers", "--output", "wide").stdout
    rows = {line.split()[0]: line.split() for line in listed.splitlines()}
    assert {name: row[1] for name, row in rows.items()} == {
        "forwardnodes": "fn",
        "destinations": "dst",
        "projects": "proj",
    }
    assert all(row[-1] == "dromos" for row in rows.values()), "not in `kubectl get all`"
    everyone = namespace.run("api-resources", "--no-headers").stdout.splitlines()
    short = [line.split()[1] for line in everyone if len(line.split()) == 5]
    for name in ("fn", "dst", "proj"):
        assert sum(name in names.split(",") for names in short) == 1, f"{name} is ambiguous"


def test_status_scale_selection_and_columns(namespace: Kubectl) -> None:
    node, destination = Case("a", "node").manifest("radiology"), Case("b", "dicom").manifest("pacs")
    namespace.apply(node, destination)
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "NoDestination",
        "message": "m",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "observedGeneration": 1,
    }
    status = {
        "status": {
            "conditions": [condition],
            "queue": {"waiting": 3, "failed": 1},
            "target": "pacs.example:104",
            "reachable": True,
        }
    }
    namespace.run("patch", "dst", "pacs", "--subresource=status", "--type=merge", "--patch", json.dumps(status))
    namespace.run("scale", "forwardnode", "radiology", "--replicas=2")
    scaled = namespace.get("forwardnode", "radiology")
    assert scaled is not None
    assert scaled["spec"]["replicas"] == 2

    chosen = namespace.items("destinations", "--field-selector", "spec.forwardNodeRef.name=radiology")
    assert [item["metadata"]["name"] for item in chosen] == ["pacs"]
    assert namespace.items("destinations", "--field-selector", "spec.forwardNodeRef.name=other") == []
    for field in ("deidentification", "tagMorphing"):
        selector = f"spec.{field}.projectRef.name"
        assert namespace.items("destinations", "--field-selector", f"{selector}=study-a") == []

    head, row = namespace.run("get", "dst").stdout.splitlines()
    assert head.split() == [
        "NAME",
        "FORWARD",
        "NODE",
        "TARGET",
        "ENABLED",
        "READY",
        "REASON",
        "REACHABLE",
        "WAITING",
        "FAILED",
        "LAST",
        "TRANSFER",
        "AGE",
    ]
    assert row.split()[:9] == [
        "pacs",
        "radiology",
        "pacs.example:104",
        "true",
        "False",
        "NoDestination",
        "true",
        "3",
        "1",
    ]
    both = namespace.run("get", "dromos", "--output", "name").stdout.split()
    assert sorted(both) == ["destination.dromos.dev/pacs", "forwardnode.dromos.dev/radiology"]
    namespace.run("delete", "dst/pacs", "fn/radiology")


def test_a_status_keeps_what_the_operator_writes(namespace: Kubectl) -> None:
    condition = {"type": "Ready", "status": "True", "reason": "Ready", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    statuses: dict[str, dict[str, Any]] = {
        "node": {
            "destinations": 2,
            "replicas": 1,
            "readyReplicas": 1,
            "selector": "a=b",
            "spool": {"usedBytes": 1, "limitBytes": 2**40, "instances": 3},
        },
        "dicom": {
            "lastTransferTime": "2026-01-02T03:04:05Z",
            "lastError": "refused",
            "reachable": False,
            "queue": {"waiting": 1, "failed": 2, "oldest": "2026-01-02T03:04:05Z"},
            "profile": {"name": "p", "version": "1", "secretFingerprint": "ab", "appliedAt": "2026-01-02T03:04:05Z"},
        },
        "project": {"usedBy": ["pacs"]},
    }
    for base, status in statuses.items():
        manifest = Case("status", base).manifest("status")
        # another worker may have the policy in force that keeps a Project in use
        manifest["metadata"]["annotations"] = {"dromos.dev/allow-deletion": "true"}
        namespace.apply(manifest)
        wanted = {"observedGeneration": 1, "conditions": [condition]} | status
        document = {**manifest, "status": wanted}
        document.pop("spec")
        # strict validation: a field that the schema lacks is an error, not silently dropped
        words = ("apply", "--server-side", "--subresource=status", "--field-manager=test", "--filename", "-")
        namespace.run(*words, stdin=yaml.safe_dump(document))
        stored = namespace.get(manifest["kind"], "status")
        assert stored is not None
        assert stored["status"] == wanted
        namespace.run("delete", manifest["kind"], "status")


def test_kubectl_explains_every_field(namespace: Kubectl) -> None:
    for definition in DEFINITIONS:
        said = namespace.run("explain", f"{definition.plural}.spec", "--recursive=false").stdout
        assert "<no description>" not in said
        assert definition.description.split(",")[0] in namespace.run("explain", definition.plural).stdout
