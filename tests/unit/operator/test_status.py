# SPDX-License-Identifier: Apache-2.0
"""The statuses: what holds, what does not, and who is named."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_operator.kinds import Key
from dromos_operator.plan import planner
from dromos_operator.plan.report import Load, Queue
from tests.unit.operator.make import (
    NOW,
    SETTINGS,
    TOKEN,
    condition,
    destination,
    node,
    pod,
    report,
    secret,
    snapshot,
    workload,
)

WORKLOAD = Key("StatefulSet", "imaging", "radiology")


def _statuses(node_: Any, *destinations: Any, refusals: tuple[str, ...] = (), **given: Any) -> dict[str, Any]:
    """Statuses by name, with pods that have acknowledged unless the test says otherwise."""
    replicas, held, load = given.pop("replicas", 1), given.pop("held", {}), given.pop("load", None)
    given.setdefault("live", {WORKLOAD: workload(replicas=replicas)})
    names = [f"radiology-{ordinal}" for ordinal in range(replicas)]
    given.setdefault("pods", {name: pod(name) for name in names})
    wanted = planner.plan(snapshot(node_, *destinations, **given), SETTINGS, TOKEN, 0.0).expected.hash
    given.setdefault("reports", {name: report(wanted, pod_name=name, load=load, **held) for name in names})
    planned = planner.plan(snapshot(node_, *destinations, **given), SETTINGS, TOKEN, 0.0)
    return {status["metadata"]["name"]: status for status in planner.statuses(planned, refusals, NOW)}


def _brief(status: Any) -> dict[str, tuple[str, str]]:
    return {found["type"]: (found["status"], found["reason"]) for found in status["status"]["conditions"]}


def test_all_is_well() -> None:
    found = _statuses(node(), destination())
    for name in ("radiology", "archive"):
        assert _brief(found[name]) == {
            "Accepted": ("True", "Accepted"),
            "ResolvedRefs": ("True", "Resolved"),
            "Programmed": ("True", "Programmed"),
            "Ready": ("True", "Ready"),
        }
        assert found[name]["status"]["observedGeneration"] == 1
    assert found["radiology"]["status"]["destinations"] == 1
    assert found["radiology"]["status"]["readyReplicas"] == 1
    assert found["archive"]["status"]["target"] == "archive:104"


def test_a_pod_that_runs_something_else_is_named() -> None:
    found = _statuses(node(), destination(), reports={"radiology-0": report("sha256:old")})
    for name in ("radiology", "archive"):
        programmed = condition(found[name], "Programmed")
        assert (programmed["status"], programmed["reason"]) == ("False", "NotAcknowledged")
        assert programmed["message"] == "waiting for pod radiology-0 to acknowledge the configuration"
        assert condition(found[name], "Ready")["status"] == "False"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pods": {}}, "waiting for pod radiology-0 to be ready"),
        ({"pods": {"radiology-0": pod(ready=False)}}, "waiting for pod radiology-0 to be ready"),
        ({"reports": {}}, "waiting for pod radiology-0 to acknowledge the configuration"),
        (
            {"pods": {"radiology-0": pod(container="c2")}},
            "waiting for pod radiology-0 to acknowledge the configuration",
        ),
        ({"pods": {"radiology-0": pod(revision="r0")}}, "waiting for pod radiology-0 to be replaced"),
    ],
    ids=["no pod", "not ready", "never heard of", "another life of it", "of the template before"],
)
def test_programmed_takes_pods_that_are_there_ready_and_heard(given: dict[str, Any], message: str) -> None:
    programmed = condition(_statuses(node(), destination(), **given)["radiology"], "Programmed")
    assert programmed["status"] == "False"
    assert programmed["message"].startswith(message)


def test_every_pod_counts() -> None:
    pods = {name: pod(name) for name in ("radiology-0", "radiology-1")}
    planned = planner.plan(snapshot(node(replicas=2), destination()), SETTINGS, TOKEN, 0.0)
    found = _statuses(
        node(replicas=2),
        destination(),
        replicas=2,
        pods=pods,
        reports={
            "radiology-0": report(planned.expected.hash),
            "radiology-1": report("sha256:old", pod_name="radiology-1"),
        },
    )
    assert "radiology-1" in condition(found["radiology"], "Programmed")["message"]


def test_no_replicas_means_not_programmed() -> None:
    live = {WORKLOAD: workload(replicas=0)}
    found = _statuses(node(replicas=0), destination(), live=live, pods={}, reports={})
    assert condition(found["radiology"], "Programmed")["reason"] == "NoReplicas"


def test_a_destination_that_the_pod_holds_is_not_programmed_while_the_node_is() -> None:
    found = _statuses(node(), destination(), destination("third"), held={"third": "its CA does not parse"})
    assert condition(found["third"], "Programmed")["message"] == "pod radiology-0: its CA does not parse"
    assert condition(found["third"], "Programmed")["reason"] == "Held"
    assert condition(found["archive"], "Ready")["status"] == "True"
    assert condition(found["radiology"], "Ready")["status"] == "True"


def test_a_node_without_an_enabled_destination_is_not_ready() -> None:
    for destinations in ((), (destination(enabled=False),)):
        ready = condition(_statuses(node(), *destinations)["radiology"], "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "NoDestination")


def test_a_destination_whose_node_does_not_exist_says_so_with_the_field() -> None:
    resolved = condition(_statuses(None, destination(to="radiologie"), nodes=("radiology",))["archive"], "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", "ForwardNodeNotFound")
    assert resolved["message"].startswith("spec.forwardNodeRef.name: there is no ForwardNode 'radiologie'")
    assert "did you mean radiology?" in resolved["message"]


@pytest.mark.parametrize(
    ("secrets", "reason", "message"),
    [
        ({}, "SecretNotFound", "spec.dicom.tls.caRef.name: there is no Secret 'ca' in namespace 'imaging'"),
        ({"ca": secret("ca", other="x")}, "SecretKeyNotFound", "spec.dicom.tls.caRef: Secret 'ca' has no key 'ca.crt'"),
    ],
)
def test_a_missing_reference_names_field_object_and_key(secrets: Any, reason: str, message: str) -> None:
    dicom = {"aeTitle": "A", "hostname": "h", "port": 104, "tls": {"caRef": {"name": "ca"}}}
    resolved = condition(_statuses(node(), destination(dicom=dicom), secrets=secrets)["archive"], "ResolvedRefs")
    assert (resolved["status"], resolved["reason"], resolved["message"]) == ("False", reason, message)


def test_a_missing_project_holds_that_destination_only() -> None:
    morphed = destination("morphed", tagMorphing={"projectRef": {"name": "none"}})
    found = _statuses(node(), destination(), morphed, held={"morphed": "no project"})
    assert condition(found["morphed"], "ResolvedRefs")["reason"] == "ProjectNotFound"
    assert condition(found["archive"], "Ready")["status"] == "True"


def test_a_condition_that_does_not_compile_is_not_accepted_and_says_where() -> None:
    found = _statuses(node(), destination(condition="tagIspresent(#Tag.Modality)"))
    accepted = condition(found["archive"], "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "InvalidExpression")
    assert accepted["message"] == (
        "spec.condition: line 1, column 1: a condition has no function tagIspresent; did you mean tagIsPresent?"
    )
    assert condition(_statuses(node(), destination(condition="true"))["archive"], "Accepted")["status"] == "True"


@pytest.mark.parametrize(
    ("node_", "destination_", "reason"),
    [
        (node(), destination(enabled=False), "Disabled"),
        (node(), destination(suspend=True), "Suspended"),
        (node(suspend=True), destination(), "Suspended"),
    ],
)
def test_what_was_switched_off_is_programmed_but_not_ready(node_: Any, destination_: Any, reason: str) -> None:
    status = _statuses(node_, destination_)["archive"]
    assert condition(status, "Programmed")["status"] == "True"
    ready = condition(status, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)


def test_what_the_api_server_refuses_is_said() -> None:
    found = _statuses(node(), destination(), refusals=("StatefulSet 'radiology': spec.x: Invalid value",))
    programmed = condition(found["radiology"], "Programmed")
    assert (programmed["reason"], programmed["message"]) == (
        "Refused",
        "StatefulSet 'radiology': spec.x: Invalid value",
    )


def test_queues_of_all_pods_are_added_up() -> None:
    queue = Queue(waiting=2, failed=1, oldest="2026-01-02T00:00:00Z", last_transfer_time="2026-01-03T00:00:00Z")
    load = Load(used=10, limit=100, instances=3, queues={"archive": queue})
    found = _statuses(node(replicas=2), destination(), replicas=2, load=load)
    assert found["radiology"]["status"]["spool"] == {"usedBytes": 20, "limitBytes": 200, "instances": 6}
    assert found["archive"]["status"]["queue"] == {"waiting": 4, "failed": 2, "oldest": "2026-01-02T00:00:00Z"}
    assert found["archive"]["status"]["lastTransferTime"] == "2026-01-03T00:00:00Z"


def test_counters_stay_when_no_pod_can_be_asked() -> None:
    known = {**destination(), "status": {"queue": {"waiting": 7, "failed": 0}, "lastError": "refused"}}
    status = _statuses(node(), known, reports={})["archive"]["status"]
    assert (status["queue"], status["lastError"]) == ({"waiting": 7, "failed": 0}, "refused")
