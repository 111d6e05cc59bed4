# SPDX-License-Identifier: Apache-2.0
"""Projects: keys that are made once, and a status that follows the users'."""

from __future__ import annotations

import base64
from typing import Any

from dromos_operator.plan import planner
from dromos_operator.plan.projects import key_secret, project_status
from dromos_operator.plan.snapshot import ProjectSnapshot
from tests.unit.operator.make import NOW, SETTINGS, TOKEN, condition, destination, node, project, secret, snapshot

KEYS = {"study-a-key": secret("study-a-key", active="k1", k1="00" * 16)}
MORPHED = destination("morphed", tagMorphing={"projectRef": {"name": "study-a"}})


def _programmed(destination_: dict[str, Any], status: str) -> dict[str, Any]:
    condition_ = {"type": "Programmed", "status": status, "reason": "R", "message": "m"}
    return {**destination_, "status": {"observedGeneration": 1, "conditions": [condition_]}}


def _mounted() -> dict[str, Any]:
    planned = planner.plan(snapshot(node(), MORPHED, projects={"study-a": project()}), SETTINGS, TOKEN, 0.0)
    return {obj["metadata"]["name"]: obj for obj in planned.objects if obj["kind"] == "ConfigMap"}


def test_a_project_without_keys_is_given_some_that_nobody_owns() -> None:
    made = key_secret(ProjectSnapshot(project()), bytes(range(16)))
    assert made is not None
    texts = {name: base64.b64decode(text).decode() for name, text in made["data"].items()}
    assert texts == {"active": "k1", "k1": "000102030405060708090a0b0c0d0e0f"}
    assert made["metadata"]["name"] == "study-a-key"
    assert "ownerReferences" not in made["metadata"]


def test_keys_that_are_there_or_named_are_left_alone() -> None:
    assert key_secret(ProjectSnapshot(project(), secrets=KEYS), bytes(16)) is None
    assert key_secret(ProjectSnapshot(project(secretRef={"name": "own"})), bytes(16)) is None


def test_an_unused_project_is_ready() -> None:
    status = project_status(ProjectSnapshot(project(), secrets=KEYS), NOW)
    assert status is not None
    assert condition(dict(status), "Ready")["status"] == "True"
    assert status["status"]["usedBy"] == []


def test_a_used_project_is_programmed_when_its_users_are() -> None:
    for value in ("True", "False"):
        given = ProjectSnapshot(project(), (_programmed(MORPHED, value), destination()), KEYS, _mounted())
        status = project_status(given, NOW)
        assert status is not None
        assert condition(dict(status), "Programmed")["status"] == value
        assert status["status"]["usedBy"] == ["morphed"]


def test_a_project_that_changed_is_not_programmed_by_its_users_old_word() -> None:
    given = ProjectSnapshot(project(uncleanable="Allow"), (_programmed(MORPHED, "True"),), KEYS, _mounted())
    status = project_status(given, NOW)
    assert status is not None
    assert condition(dict(status), "Programmed")["reason"] == "Pending"


def test_a_missing_profile_names_the_field() -> None:
    obj = project()
    obj["spec"] = {"profileFrom": {"configMapKeyRef": {"name": "p", "key": "profile.yaml"}}}
    status = project_status(ProjectSnapshot(obj, secrets=KEYS), NOW)
    assert status is not None
    message = condition(dict(status), "ResolvedRefs")["message"]
    assert message == "spec.profileFrom.configMapKeyRef.name: there is no ConfigMap 'p' in namespace 'imaging'"


def test_a_projects_keys_reach_the_pods_of_its_users_only() -> None:
    for destinations, expected in (((MORPHED,), True), ((destination(),), False)):
        planned = planner.plan(
            snapshot(node(), *destinations, projects={"study-a": project()}, secrets=KEYS), SETTINGS, TOKEN, 0.0
        )
        credentials = next(obj for obj in planned.objects if obj["kind"] == "Secret")
        assert ("secret-study-a-key.yaml" in credentials["data"]) is expected
