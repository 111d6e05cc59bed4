# SPDX-License-Identifier: Apache-2.0
"""The steps of a run with values before and after, for a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dromos_gateway.deid.decision import Decision
from dromos_gateway.deid.outcomes import Step
from dromos_gateway.header.shape import Place
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import text_of

if TYPE_CHECKING:
    from dromos_gateway.deid.run import Scope

_SHOWN: Final = 64 * 1024  # bytes of a value that a preview shows


class Trail:
    """Collects steps. They hold patient data."""

    def __init__(self, source: Source) -> None:
        self.steps: list[Step] = []
        self._source = source

    def add(
        self,
        decision: Decision,
        path: tuple[int, ...],
        tag: int,
        place: Place,
        scope: Scope,
        after: str | None,
        *,
        same: bool,
    ) -> None:
        """One step; `same`: the value stayed."""
        if decision.code == "W":
            return  # shown with its new value
        before = None
        if decision.known != b"SQ" and place[3] - place[2] < _SHOWN:
            raw = self._source.read(place[2], place[3] - place[2])
            before = text_of(decision.known, raw, scope.encodings, scope.encoding.order)
        rule = decision.choice.rule.name if decision.choice is not None else "always removed"
        vr = decision.known.decode("ascii")
        self.steps.append(Step((*path, tag), vr, rule, decision.code, before, before if same else after))
