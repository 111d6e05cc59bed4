# SPDX-License-Identifier: Apache-2.0
"""Events tell of transitions, once each; what is said again is counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from dromos_crds import reasons
from dromos_operator.errors import ApiError, ObjectNotFound
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.kube.events import Events, transitions
from tests.unit.operator.make import NOW, destination

LETTERS = "images that cannot be forwarded are kept; `kubectl dromos failures list` says which and why"


class Server:
    """Keeps Events as the API server does, and forgets them after a while."""

    def __init__(self) -> None:
        self.events: dict[Key, dict[str, Any]] = {}
        self.refusal: ApiError | None = None

    async def create(self, obj: Object) -> Object:
        if self.refusal is not None:
            raise self.refusal
        if key_of(obj) in self.events:
            raise ApiError(409, "it exists")
        self.events[key_of(obj)] = dict(obj)
        return obj

    async def merge(self, key: Key, patch: Mapping[str, Any]) -> Object:
        if key not in self.events:
            raise ObjectNotFound(404, "gone")
        self.events[key] |= patch
        return self.events[key]


async def test_what_is_said_again_is_counted_also_after_a_restart_and_begins_anew_when_it_was_forgotten() -> None:
    server = Server()
    for told in (Events(server), Events(server)):  # type: ignore[arg-type]
        for _ in range(3):
            for before, after in ((True, False), (False, True)):
                wanted = {**destination(), "status": _status(reachable=after)}
                (event,) = transitions(wanted, {**destination(), "status": _status(reachable=before)}, NOW)
                await told.tell(event)
    assert {event["reason"]: event["count"] for event in server.events.values()} == {"Unreachable": 6, "Reachable": 6}
    server.events.clear()
    await told.tell(event)
    assert [each["count"] for each in server.events.values()] == [1]


async def test_what_the_server_will_not_have_is_told_as_an_error() -> None:
    server = Server()
    server.refusal = ApiError(403, "no")
    (event,) = transitions({**destination(), "status": _status()}, destination(), NOW)
    with pytest.raises(ApiError):
        await Events(server).tell(event)  # type: ignore[arg-type]


def test_every_reason_is_one_word_that_a_machine_may_compare() -> None:
    words = [value for name, value in vars(reasons).items() if name.isupper()]
    assert len(words) > 20
    assert all(re.fullmatch("([A-Z][a-z]*)+[A-Za-z]*", word) for word in words)


def _status(ready: str = "True", reason: str = "Ready", **fields: Any) -> dict[str, Any]:
    return {
        "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": f"{reason}, in words"}],
        **fields,
    }


def _told(before: dict[str, Any] | None, after: dict[str, Any]) -> list[tuple[str, str, str]]:
    live = destination() if before is None else {**destination(), "status": before}
    wanted = {**destination(), "status": after}
    found = transitions(wanted, live, NOW)
    assert len({event["metadata"]["name"] for event in found}) == len(found)
    assert found == transitions(wanted, live, NOW), "the same says the same"
    assert all(event["involvedObject"]["uid"] == "uid-archive" for event in found)
    return [(event["type"], event["reason"], event["message"]) for event in found]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, _status(), [("Normal", "Ready", "Ready, in words")]),
        (_status(), _status(), []),
        (_status("False", "Pending"), _status("False", "Refused"), [("Warning", "Refused", "Refused, in words")]),
        (_status(), _status(reachable=True), []),
        (_status(), _status(reachable=False, lastError="refused"), [("Warning", "Unreachable", "refused")]),
        (_status(reachable=True), _status(reachable=False), [("Warning", "Unreachable", "it does not answer")]),
        (_status(reachable=False), _status(reachable=False, lastError="another"), []),
        (_status(reachable=False), _status(reachable=True), [("Normal", "Reachable", "it answers again")]),
        (_status(reachable=False), _status(), []),
        (_status(), _status(queue={"failed": 0}), []),
        (_status(queue={"failed": 0}), _status(queue={"failed": 2}), [("Warning", "DeadLetters", LETTERS)]),
        (_status(queue={"failed": 2}), _status(queue={"failed": 3}), []),
        (_status(queue={"failed": 3}), _status(queue={"failed": 0}), [("Normal", "NoDeadLetters", "none is left")]),
    ],
)
def test_only_what_changed_is_told(before: Any, after: Any, told: list[tuple[str, str, str]]) -> None:
    assert _told(before, after) == told
