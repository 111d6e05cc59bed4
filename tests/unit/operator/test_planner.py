# SPDX-License-Identifier: Apache-2.0
"""The plan of objects: whole plans against golden files, and the rules one by one.

`UPDATE_GOLDEN=1` writes the files anew; read the difference before committing it.
"""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dromos_crds.manifests import hash_files, read
from dromos_operator.kinds import Key, key_of
from dromos_operator.plan import planner
from dromos_operator.plan.configuration import LARGEST
from dromos_operator.plan.planner import Plan
from dromos_operator.plan.report import Load, Queue, Report
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.plan.status import COUNTERS
from tests.unit.operator.make import (
    NOW,
    SETTINGS,
    TOKEN,
    condition,
    config_map,
    destination,
    meta,
    node,
    pod,
    project,
    report,
    secret,
    snapshot,
    workload,
)

GOLDEN = Path(__file__).parent / "golden"
TLS = {"certificateSecretRef": {"name": "node-tls"}, "clientAuthentication": "None"}
CASES = {
    "new": snapshot(node(), destination()),
    "everything": snapshot(
        node(
            tls=TLS,
            replicas=2,
            spool={"size": "1Gi", "storageClassName": "fast", "retentionPolicy": "Delete"},
            service={
                "type": "LoadBalancer",
                "port": 4242,
                "nodePort": 30104,
                "loadBalancerClass": "metal",
                "loadBalancerSourceRanges": ["10.0.0.0/8"],
                "annotations": {"a": "b"},
            },
            workload={
                "resources": {"requests": {"cpu": "1"}},
                "nodeSelector": {"disk": "fast"},
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {}},
                "priorityClassName": "high",
                "imagePullSecrets": [{"name": "pull"}],
            },
        ),
        destination(
            dicom={"aeTitle": "A", "hostname": "h", "port": 104, "tls": {"caRef": {"kind": "ConfigMap", "name": "ca"}}}
        ),
        destination("morphed", tagMorphing={"projectRef": {"name": "study-a"}}),
        projects={"study-a": project(secretRef={"name": "keys"}), "unused": project("unused")},
        secrets={
            "node-tls": secret("node-tls", tls__crt="C", tls__key="K", other="not needed"),
            "keys": secret("keys", active="k1", k1="00" * 16),
            "unused": secret("unused", a="b"),
        },
        config_maps={"ca": config_map("ca", ca__crt="CA", other="not needed")},
    ),
    "lost": snapshot(None, destination(to="nobody")),
}


def _plan(given: Snapshot, monotonic: float = 0.0) -> Plan:
    return planner.plan(given, SETTINGS, TOKEN, monotonic)


def _object(planned: Plan, kind: str, name: str = "radiology") -> Any:
    return next(obj for obj in planned.objects if key_of(obj) == Key(kind, "imaging", name))


def _live(planned: Plan) -> dict[Key, Any]:
    return {key_of(obj): obj for obj in planned.objects}


@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_golden_one(case: str) -> None:
    planned = _plan(CASES[case])
    text = yaml.safe_dump_all(
        [*map(dict, planned.objects), *map(dict, planner.statuses(planned, (), NOW))], width=200, sort_keys=True
    )
    file = GOLDEN / f"{case}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(f"# SPDX-License-Identifier: Apache-2.0\n{text}")
    assert list(yaml.safe_load_all(file.read_text())) == list(yaml.safe_load_all(text))


def test_pods_send_traces_where_the_operator_was_told_to() -> None:
    planned = planner.plan(CASES["new"], replace(SETTINGS, gateway_traces="http://collector:4318"), TOKEN, 0.0)
    (container,) = _object(planned, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert container["env"][1:] == [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}]


def test_pods_find_the_proxy_that_the_operator_was_told_of() -> None:
    proxy = (("HTTPS_PROXY", "http://proxy.example:3128"), ("NO_PROXY", ".svc"))
    planned = planner.plan(CASES["new"], replace(SETTINGS, gateway_proxy=proxy), TOKEN, 0.0)
    (container,) = _object(planned, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert [(entry["name"], entry["value"]) for entry in container["env"]][1:] == list(proxy)


@pytest.mark.parametrize("case", ["new", "everything"])
def test_pods_report_the_hash_that_is_expected(case: str, tmp_path: Path) -> None:
    """Written to folders as the kubelet does it, the files read without a problem and have the planned hash."""
    planned = _plan(CASES[case])
    folders = tmp_path / "config", tmp_path / "credentials"
    for folder in folders:
        folder.mkdir()
    for name, text in _object(planned, "ConfigMap", "radiology-config")["data"].items():
        (folders[0] / name).write_text(text)
    for name, text in _object(planned, "Secret", "radiology-credentials")["data"].items():
        (folders[1] / name).write_bytes(base64.b64decode(text))
    manifests = read(folders)
    assert not manifests.problems
    assert manifests.hash == planned.expected.hash
    assert {document.object.metadata.namespace for document in manifests.documents} == {"imaging"}


def test_everything_planned_is_owned_and_labelled() -> None:
    planned = _plan(CASES["everything"])
    assert len(planned.objects) == len(planner.owned_keys("imaging", "radiology"))
    assert set(_live(planned)) == set(planner.owned_keys("imaging", "radiology"))
    for obj in planned.objects:
        assert [owner["uid"] for owner in obj["metadata"]["ownerReferences"]] == ["uid-radiology"]
        assert obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "dromos"


def test_nothing_is_planned_for_a_node_that_is_being_deleted() -> None:
    planned = _plan(snapshot(node(metadata={"deletionTimestamp": NOW}), destination()))
    assert planned.objects == planner.statuses(planned, (), NOW) == ()


def test_the_admin_token_is_kept_once_made() -> None:
    first = _plan(snapshot(node()))
    again = planner.plan(snapshot(node(), live=_live(first)), SETTINGS, "another-token", 0.0)
    assert again.token == TOKEN
    assert again.objects == first.objects


def test_a_destination_rolls_no_pod_and_listener_tls_does() -> None:
    template = _object(_plan(snapshot(node())), "StatefulSet")["spec"]["template"]
    assert _object(_plan(snapshot(node(), destination())), "StatefulSet")["spec"]["template"] == template
    assert _object(_plan(snapshot(node(aeTitle="OTHER", suspend=True))), "StatefulSet")["spec"]["template"] == template
    assert _object(_plan(snapshot(node(tls=TLS))), "StatefulSet")["spec"]["template"] != template


def test_a_broken_destination_stays_mounted() -> None:
    broken = destination("broken", dicom={"aeTitle": "A", "hostname": "h", "port": 70000})
    planned = _plan(snapshot(node(), broken, destination()))
    assert set(_object(planned, "ConfigMap", "radiology-config")["data"]) == {
        "forwardnode.yaml",
        "destination-broken.yaml",
        "destination-archive.yaml",
    }


def test_a_field_of_a_newer_api_is_left_out_for_the_gateway() -> None:
    planned = _plan(snapshot(node(), destination(fromTheFuture={"a": 1})))
    text = _object(planned, "ConfigMap", "radiology-config")["data"]["destination-archive.yaml"]
    assert "fromTheFuture" not in text
    assert "ARCHIVE" in text
    accepted = condition(dict(planner.statuses(planned, (), NOW)[1]), "Accepted")
    assert accepted["status"] == "True"


def test_status_and_foreign_metadata_do_not_reach_the_gateway() -> None:
    noisy = {
        **destination(metadata={"annotations": {"a": "b"}, "resourceVersion": "7"}),
        "status": {"queue": {"waiting": 1}},
    }
    assert _plan(snapshot(node(), noisy)).expected.hash == _plan(snapshot(node(), destination())).expected.hash


def test_only_keys_that_are_needed_are_copied() -> None:
    planned = _plan(CASES["everything"])
    data = _object(planned, "Secret", "radiology-credentials")["data"]
    assert set(data) == {
        "admin-token",
        "secret-node-tls.yaml",
        "secret-keys.yaml",
        "secret-radiology-transfer-log.yaml",
    }
    copy = yaml.safe_load(base64.b64decode(data["secret-node-tls.yaml"]))
    assert set(copy["data"]) == {"tls.crt", "tls.key"}


def _with_pseudonyms(content: str, live: dict[Key, Any] | None = None) -> Any:
    wanted = project(pseudonyms={"secretKeyRef": {"name": "ids", "key": "p.csv"}})
    use = destination(tagMorphing={"projectRef": {"name": "study-a"}})
    ids = secret("ids", p__csv=content, other="x")
    return _plan(snapshot(node(), use, projects={"study-a": wanted}, secrets={"ids": ids}, live=live or {}))


def test_stored_pseudonyms_are_mounted_apart_as_text() -> None:
    planned = _with_pseudonyms("PatientID,Pseudonym\nP1,Ü\n")
    data = _object(planned, "Secret", "radiology-pseudonyms")["data"]
    assert set(data) == {"secret-ids.yaml"}
    copy = yaml.safe_load(base64.b64decode(data["secret-ids.yaml"]))
    assert (copy["stringData"], copy["data"]) == ({"p.csv": "PatientID,Pseudonym\nP1,Ü\n"}, {})
    assert "secret-ids.yaml" not in _object(planned, "Secret", "radiology-credentials")["data"]
    other = _with_pseudonyms("PatientID,Pseudonym\n")
    assert planned.expected.hash != other.expected.hash, "pods acknowledge their pseudonyms, too"
    assert _object(planned, "StatefulSet") == _object(other, "StatefulSet")


def test_pseudonyms_that_are_too_many_hold_nothing_else_back() -> None:
    before = _with_pseudonyms("PatientID,Pseudonym\nP1,ONE\n")
    planned = _with_pseudonyms("x" * LARGEST, _live(before))
    assert _object(planned, "Secret", "radiology-pseudonyms") == _object(before, "Secret", "radiology-pseudonyms")
    assert "Redis" in planned.too_large
    assert _with_pseudonyms("PatientID,Pseudonym\n" + "P123,Q\n" * 100_000).too_large == ""


def test_names_that_somebody_else_has_are_left_alone_and_told() -> None:
    foreign = {"kind": "Service", "metadata": {"name": "radiology", "namespace": "imaging", "uid": "x"}}
    given = snapshot(node(), destination(), live={Key("Service", "imaging", "radiology"): foreign})
    planned = _plan(given)
    assert Key("Service", "imaging", "radiology") not in _live(planned)
    programmed = condition(dict(planner.statuses(planned, (), NOW)[0]), "Programmed")
    assert (programmed["status"], programmed["reason"]) == ("False", "NameConflict")
    assert "Service 'radiology'" in programmed["message"]


def test_what_is_left_of_a_namesake_counts_as_somebody_elses() -> None:
    former = dict(_live(_plan(snapshot(node(metadata={"uid": "former"})))))
    assert _plan(snapshot(node(), live=former)).objects == ()


def test_a_configuration_that_is_too_large_keeps_the_last_good_one() -> None:
    before = _plan(snapshot(node(), destination()))
    many = [destination(f"d{i}", condition="x" * 4000) for i in range(LARGEST // 4000)]
    huge = destination("huge", condition="y" * 4096, description="z" * 1024)
    planned = _plan(snapshot(node(), huge, *many, live=_live(before)))
    assert planned.expected.hash == before.expected.hash
    assert _object(planned, "ConfigMap", "radiology-config") == _object(before, "ConfigMap", "radiology-config")
    programmed = condition(dict(planner.statuses(planned, (), NOW)[0]), "Programmed")
    assert programmed["reason"] == "ConfigTooLarge"
    assert "destination-huge.yaml" in programmed["message"]


def test_a_first_configuration_that_is_too_large_makes_nothing_and_says_so() -> None:
    """Not even an empty ConfigMap: a pod would run that, and refuse everybody."""
    many = [destination(f"d{i}", condition="x" * 4000) for i in range(LARGEST // 4000)]
    planned = _plan(snapshot(node(), *many))
    assert planned.objects == ()
    for status in planner.statuses(planned, (), NOW):
        programmed = condition(dict(status), "Programmed")
        assert (programmed["status"], programmed["reason"]) == ("False", "ConfigTooLarge")
        assert "the largest part is destination-d" in programmed["message"]
        assert condition(dict(status), "Ready")["status"] == "False"
    fewer = _plan(snapshot(node(), *many[:3]))
    assert "forwardnode.yaml" in _object(fewer, "ConfigMap", "radiology-config")["data"]


def test_a_volume_template_that_stands_is_kept() -> None:
    live = _live(_plan(snapshot(node(spool={"size": "1Gi"}))))
    planned = _plan(snapshot(node(spool={"size": "2Gi"}), live=live))
    claim = _object(planned, "StatefulSet")["spec"]["volumeClaimTemplates"][0]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"


@pytest.mark.parametrize(("size", "grows"), [("64Mi", True), ("1Gi", False), ("2Gi", False), ("1e9", False)])
def test_claims_that_are_smaller_than_asked_for_grow(size: str, grows: bool) -> None:
    claim = {"kind": "PersistentVolumeClaim", "metadata": meta("spool-radiology-0")}
    claim["spec"] = {"resources": {"requests": {"storage": size}}}
    planned = _plan(snapshot(node(spool={"size": "1Gi"}), claims=(claim,)))
    patch = {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    assert planned.growth == (((key_of(claim), patch),) if grows else ())


def test_an_invalid_node_leaves_its_workload_as_it_was() -> None:
    live = {Key("StatefulSet", "imaging", "radiology"): workload(replicas=2)}
    planned = _plan(snapshot(node(aeTitle="A" * 17), live=live))
    assert {obj["kind"] for obj in planned.objects} == {"ConfigMap", "Secret"}
    assert planned.expected.pods == ("radiology-0", "radiology-1")
    accepted = condition(dict(planner.statuses(planned, (), NOW)[0]), "Accepted")
    assert accepted["status"] == "False"
    assert accepted["message"].startswith("spec.aeTitle: ")


@pytest.mark.parametrize(
    ("load", "load_at", "replicas"),
    [
        (None, 100.0, 3),  # it never said
        (Load(instances=1), 100.0, 3),  # it has some
        (Load(instances=0), 10.0, 3),  # that was long ago
        (Load(instances=0), 100.0, 2),  # empty; the next one never said
    ],
)
def test_pods_go_only_once_their_spool_is_empty(load: Load | None, load_at: float, replicas: int) -> None:
    live = {Key("StatefulSet", "imaging", "radiology"): workload(replicas=3)}
    reports = {"radiology-2": Report("x", "h", load=load, load_at=load_at)}
    planned = _plan(snapshot(node(replicas=1), live=live, reports=reports), monotonic=101.0)
    assert _object(planned, "StatefulSet")["spec"]["replicas"] == replicas
    assert f"radiology-{replicas - 1}" in planned.scale.waiting
    # what shall go gets nothing new, so that it comes to an end
    assert planned.scale.retiring == {"radiology-1", "radiology-2"}


def test_what_keeps_a_pod_is_counted_and_dead_letters_are_named() -> None:
    live = {Key("StatefulSet", "imaging", "radiology"): workload(replicas=2)}
    load = Load(instances=7, queues={"archive": Queue(waiting=4), "gone": Queue(failed=3)})
    planned = _plan(snapshot(node(replicas=1), live=live, reports={"radiology-1": Report("x", "h", load=load)}))
    assert "pod radiology-1 to deliver 7 instances" in planned.scale.waiting
    assert "3 transfers failed" in planned.scale.waiting
    assert "dromos failures" in planned.scale.waiting


def test_new_associations_come_to_pods_that_receive() -> None:
    planned = _plan(snapshot(node()))
    chosen = _object(planned, "Service")["spec"]["selector"]
    template = _object(planned, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert chosen.items() <= template.items()
    assert chosen["dromos.dev/receiving"] == "true"
    assert "dromos.dev/receiving" not in _object(planned, "StatefulSet")["spec"]["selector"]["matchLabels"]


def test_more_pods_come_at_once() -> None:
    live = {Key("StatefulSet", "imaging", "radiology"): workload(replicas=1)}
    planned = _plan(snapshot(node(replicas=3), live=live))
    assert planned.expected.pods == ("radiology-0", "radiology-1", "radiology-2")


@pytest.mark.parametrize("name", ["9to5", "a.b.c", "x" * 60, "trailing-" + "y" * 60])
def test_names_that_a_service_cannot_have_are_shortened_the_same_way_each_time(name: str) -> None:
    planned = _plan(snapshot(node(name)))
    assert planned.objects == _plan(snapshot(node(name))).objects
    for obj in planned.objects:
        assert obj["kind"] in {"ConfigMap", "Secret"} or len(obj["metadata"]["name"]) <= 63
        assert all(len(value) <= 63 for value in obj["metadata"]["labels"].values())
    service = next(obj for obj in planned.objects if obj["kind"] == "Service")
    assert service["metadata"]["name"][0].isalpha()
    assert "." not in service["metadata"]["name"]


def test_counters_are_the_fields_that_change_by_themselves() -> None:
    given = snapshot(
        node(),
        destination(),
        live={Key("StatefulSet", "imaging", "radiology"): workload()},
        pods={"radiology-0": pod()},
    )
    quiet = _plan(given)
    busy = Snapshot(
        "imaging", "radiology", node(), given.destinations, live=given.live, pods=given.pods,
        reports={"radiology-0": report(quiet.expected.hash, load=Load(used=1, limit=2, instances=3))},
    )  # fmt: skip
    after = planner.statuses(_plan(busy), (), NOW)[0]["status"]
    before = planner.statuses(quiet, (), NOW)[0]["status"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed - {"conditions"} <= set(COUNTERS)


def test_hash_is_over_names_and_contents() -> None:
    planned = _plan(CASES["new"])
    files = {name: text.encode() for name, text in _object(planned, "ConfigMap", "radiology-config")["data"].items()}
    data = _object(planned, "Secret", "radiology-credentials")["data"]
    files |= {name: base64.b64decode(text) for name, text in data.items() if name != "admin-token"}
    assert planned.expected.hash == hash_files(files)
