# SPDX-License-Identifier: Apache-2.0
"""Conditions with Gateway API's grammar: made without times, then merged into what stands there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dromos_crds import conditions as types
from dromos_crds import reasons

Status = Literal["True", "False", "Unknown"]
LONGEST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, not yet dated."""

    type: str
    status: Status
    reason: str
    message: str

    @property
    def holds(self) -> bool:
        """Whether it is True."""
        return self.status == "True"


_WELL = {
    types.ACCEPTED: reasons.ACCEPTED,
    types.RESOLVED_REFS: reasons.RESOLVED,
    types.PROGRAMMED: reasons.PROGRAMMED,
    types.READY: reasons.READY,
}


def yes(kind: str, message: str) -> Condition:
    """True."""
    return Condition(kind, "True", _WELL[kind], message)


def no(kind: str, reason: str, message: str) -> Condition:
    """False."""
    return Condition(kind, "False", reason, message)


def unknown(kind: str, message: str) -> Condition:
    """Neither, because something before it does not hold."""
    return Condition(kind, "Unknown", reasons.PENDING, message)


def ready(before: Sequence[Condition], message: str) -> Condition:
    """The summary: the first condition that does not hold is the reason."""
    for condition in before:
        if not condition.holds:
            return no(types.READY, condition.reason, condition.message)
    return yes(types.READY, message)


def dated(
    conditions: Iterable[Condition], before: Iterable[Mapping[str, Any]], generation: int, now: str
) -> list[dict[str, Any]]:
    """As they go into a status: lastTransitionTime stays as long as the status does."""
    known = {condition["type"]: condition for condition in before}
    return [_dated(condition, known.get(condition.type), generation, now) for condition in conditions]


def _dated(condition: Condition, before: Mapping[str, Any] | None, generation: int, now: str) -> dict[str, Any]:
    same = before is not None and before.get("status") == condition.status and before.get("lastTransitionTime")
    message = condition.message
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…",
        "observedGeneration": generation,
        "lastTransitionTime": same or now,
    }
