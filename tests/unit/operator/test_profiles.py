# SPDX-License-Identifier: Apache-2.0
"""Which profile and key are in force at a Destination, as its status says; and what a Project lacks, said at its users."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_crds.projectkeys import ProjectKey
from dromos_operator.kinds import Key
from dromos_operator.plan import planner
from tests.unit.operator.make import (
    NOW,
    SETTINGS,
    TOKEN,
    condition,
    config_map,
    destination,
    node,
    pod,
    project,
    report,
    secret,
    snapshot,
    workload,
)

LATER = "2026-11-24T09:00:00Z"
FIRST, SECOND = "00" * 16, "ff" * 16
KEYS = secret("study-a-key", active="k1", k1=FIRST, k2=SECOND)


def _status(
    project_: dict[str, Any], keys: dict[str, Any] = KEYS, *, before: Any = None, now: str = NOW, heard: bool = True
) -> dict[str, Any]:
    morphed = destination("morphed", tagMorphing={"projectRef": {"name": "study-a"}})
    if before is not None:
        morphed["status"] = {"profile": before}
    profile = {"name": "filed", "version": "0123"}
    given = {
        "projects": {"study-a": project_},
        "secrets": {"study-a-key": keys},
        "config_maps": {"p": config_map("p", file="\n".join(f"{key}: {text}" for key, text in profile.items()))},
        "live": {Key("StatefulSet", "imaging", "radiology"): workload()},
        "pods": {"radiology-0": pod()},
    }
    planned = planner.plan(snapshot(node(), morphed, **given), SETTINGS, TOKEN, 0.0)
    said = report(planned.expected.hash if heard else "another")
    said = type(said)(said.identity, said.hash, {"morphed": next(iter(said.verdicts.values()))}, (), None, 0.0)
    planned = planner.plan(snapshot(node(), morphed, **given, reports={"radiology-0": said}), SETTINGS, TOKEN, 0.0)
    found = [obj for obj in planner.statuses(planned, (), now) if obj["kind"] == "Destination"]
    return dict(found[0])


def _profile(status: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = status["status"].get("profile") or {}
    return found


def test_name_version_and_key_are_said_once_the_pods_have_them() -> None:
    named = project(profile={"name": "research", "version": 2, "profileElements": []})
    assert _profile(_status(named, heard=False)) == {}
    profile = _profile(_status(named))
    assert (profile["name"], profile["version"], profile["appliedAt"]) == ("research", "2", NOW)
    assert profile["secretFingerprint"] == ProjectKey("k1", bytes(16)).fingerprint
    assert FIRST not in str(profile)


def test_the_time_is_that_of_the_last_change() -> None:
    before = _profile(_status(project()))
    assert _profile(_status(project(), before=before, now=LATER)) == before
    changed = project(profile={"name": "p", "profileElements": [{"codename": "c"}]})
    assert _profile(_status(changed, before=before, now=LATER))["appliedAt"] == LATER
    assert _profile(_status(changed, before=before, now=LATER, heard=False)) == before, "until the pods have it"


def test_another_active_key_is_another_fingerprint() -> None:
    rotated = secret("study-a-key", active="k2", k1=FIRST, k2=SECOND)
    before = _profile(_status(project()))
    after = _profile(_status(project(), rotated, before=before, now=LATER))
    assert after["secretFingerprint"] == ProjectKey("k2", b"\xff" * 16).fingerprint
    assert after["appliedAt"] == LATER


def test_a_profile_file_is_read_as_text() -> None:
    filed = project(profile=None, profileFrom={"configMapKeyRef": {"name": "p", "key": "file"}})
    del filed["spec"]["profile"]
    profile = _profile(_status(filed))
    assert (profile["name"], profile["version"]) == ("filed", "0123")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"k1": FIRST}, "has no key 'active'"),
        ({"active": "k2", "k1": FIRST}, "does not name another key"),
        ({"active": "k1", "k1": "planted-secret"}, "is not 32 hexadecimal digits"),
    ],
)
def test_a_projects_keys_that_cannot_be_used_are_said_at_its_users(keys: dict[str, str], says: str) -> None:
    status = _status(project(), secret("study-a-key", **keys))
    resolved = condition(status, "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", "InvalidKeys")
    assert resolved["message"].startswith("spec.tagMorphing.projectRef: Project 'study-a': spec.secretRef: Secret ")
    assert says in resolved["message"]
    assert "planted" not in str(status)


def test_what_a_project_lacks_is_said_at_its_users() -> None:
    resolved = condition(_status(project(pseudonyms={"secretKeyRef": {"name": "ids", "key": "csv"}})), "ResolvedRefs")
    assert resolved["message"] == (
        "spec.tagMorphing.projectRef: Project 'study-a': "
        "spec.pseudonyms.secretKeyRef.name: there is no Secret 'ids' in namespace 'imaging'"
    )
