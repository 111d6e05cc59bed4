# SPDX-License-Identifier: Apache-2.0
"""Events on a real API server: each transition of each kind arrives, under a reason that a machine may compare; what comes
and goes again is one Event that counts.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.apiserver.operator.manifests import destination, manifest, node
from tests.apiserver.operator.process import OperatorProcess
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl

PLANTED = "planted-77ad01-secret"
PROFILE = {"name": "p", "profileElements": [{"name": "base", "codename": "basic.dicom.profile"}]}
TRANSITIONS = [
    ("ForwardNode", "radiology", {"suspend": True}, "Suspended"),
    ("ForwardNode", "radiology", {"suspend": False}, "PodsNotReady"),
    ("ForwardNode", "radiology", {"smtp": {"host": "mail", "sender": "a@b.ch", "secretRef": {"name": "s"}}}, "SecretNotFound"),
    ("ForwardNode", "empty", {"description": "no Destination names it"}, "NoDestination"),
    ("Destination", "archive", {"enabled": False}, "Disabled"),
    ("Destination", "archive", {"enabled": True, "suspend": True}, "Suspended"),
    ("Destination", "archive", {"suspend": False, "condition": "tagValueIsPresnt(#Tag.Modality, 'CT')"}, "InvalidExpression"),
    ("Destination", "archive", {"condition": None, "dicom": {"tls": {"caRef": {"name": "ca"}}}}, "SecretNotFound"),
    ("Destination", "archive", {"dicom": {"tls": None}, "tagMorphing": {"projectRef": {"name": "no"}}}, "ProjectNotFound"),
    ("Destination", "lost", {"description": "of nobody"}, "ForwardNodeNotFound"),
    ("Project", "study-a", {"secretRef": {"name": "absent"}}, "SecretNotFound"),
    ("Project", "study-a", {"secretRef": None}, "Ready"),
]  # fmt: skip


@pytest.fixture(scope="module")
def watched(imaging: Kubectl, operator: OperatorProcess) -> Kubectl:
    """One object of each kind, and some that lack something."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other"}, "stringData": {"password": PLANTED}}
    imaging.apply(
        secret,
        node(),
        node("empty", aeTitle="EMPTY"),
        destination("archive"),
        destination("lost", to="nobody"),
        manifest("Project", "study-a", profile=PROFILE),
    )
    imaging.wait_condition("forwardnode", "radiology", "Accepted", within=60)
    return imaging


def _told(kubectl: Kubectl, kind: str, name: str) -> dict[str, dict[str, Any]]:
    """Events about an object, by reason."""
    about = f"involvedObject.kind={kind},involvedObject.name={name}"
    return {event["reason"]: event for event in kubectl.items("events", "--field-selector", about)}


@pytest.mark.parametrize(("kind", "name", "spec", "reason"), TRANSITIONS)
def test_a_transition_is_told(watched: Kubectl, kind: str, name: str, spec: dict[str, Any], reason: str) -> None:
    watched.patch_spec(kind, name, **spec)
    told = eventually(lambda: _told(watched, kind, name), lambda found: reason in found, within=60)[reason]
    live = watched.get(kind, name) or {}
    assert told["involvedObject"]["uid"] == live["metadata"]["uid"], "kubectl describe shows it"
    assert told["type"] == ("Normal" if reason == "Ready" else "Warning")
    assert told["source"]["component"] == "dromos-operator"
    assert re.fullmatch("[A-Z][A-Za-z]+", reason)
    assert told["message"]
    assert reason in watched.run("describe", kind, name).stdout


def test_what_comes_and_goes_is_one_event_that_counts(watched: Kubectl) -> None:
    watched.apply(node("restless", aeTitle="RESTLESS"), destination("busy", to="restless"))
    for times in range(1, 4):
        for suspend, reason in ((True, "Suspended"), (False, "PodsNotReady")):
            watched.patch_spec("destination", "busy", suspend=suspend)
            eventually(
                lambda reason=reason: _told(watched, "Destination", "busy").get(reason, {}).get("count", 0),  # type: ignore[misc]
                lambda count, times=times: count >= times,  # type: ignore[misc]
                within=60,
            )
    events = watched.items("events", "--field-selector", "involvedObject.name=busy,reason=Suspended")
    assert [event["count"] for event in events] == [3]
    assert events[0]["firstTimestamp"] <= events[0]["lastTimestamp"]


def test_events_say_nothing_secret(watched: Kubectl) -> None:
    assert PLANTED not in watched.run("get", "events", "--output", "yaml").stdout
