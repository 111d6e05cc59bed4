# SPDX-License-Identifier: Apache-2.0
"""Events tell of transitions, once each."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from dromos_operator.kube.events import transitions
from tests.unit.operator.make import NOW, destination


def _status(ready: str = "True", reason: str = "Ready", **fields: Any) -> dict[str, Any]:
    return {
        "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": f"{reason}, in words"}],
        **fields,
    }


def _told(before: dict[str, Any] | None, after: dict[str, Any]) -> list[tuple[str, str, str]]:
    live = destination() if before is None else {**destination(), "status": before}
    wanted = {**destination(), "status": after}
    numbers = count()
    found = transitions(wanted, live, NOW, lambda: str(next(numbers)))
    assert len({event["metadata"]["name"] for event in found}) == len(found)
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
    ],
)
def test_only_what_changed_is_told(before: Any, after: Any, told: list[tuple[str, str, str]]) -> None:
    assert _told(before, after) == told
