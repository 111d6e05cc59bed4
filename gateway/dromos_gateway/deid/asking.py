# SPDX-License-Identifier: Apache-2.0
"""Rules whose action depends on the instance: expressions, services, Karnak's dates, which it reads at the root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from dromos_crds.expressions import Element as Asked
from dromos_crds.expressions import ExpressionFailed, Symbol, Values
from dromos_crds.profiles.rules import ExpressionOnTags, ReplaceByAPI
from dromos_gateway.deid.choosing import API, DATE, EXPRESSION, Choice
from dromos_gateway.deid.decision import Decision, Kind
from dromos_gateway.deid.outcomes import Exclude, Hold
from dromos_gateway.header.values import first_value
from dromos_gateway.header.view import HeaderView

if TYPE_CHECKING:
    from dromos_gateway.deid.level import Level

Own = Callable[[], str | None]
ReplaceAPI = Callable[[ReplaceByAPI, Values, Asked], str]
_SYMBOLS: Final = {Symbol.KEEP: "K", Symbol.REMOVE: "X", Symbol.REPLACE: "D", Symbol.EMPTY: "Z", Symbol.UID: "U"}


class Asking:
    """Asks, and turns answers into decisions."""

    def __init__(self, view: HeaderView, changed: Mapping[int, str | None], api: ReplaceAPI | None) -> None:
        self.added: dict[int, tuple[bytes, str]] = {}
        self._view = view
        self._changed = changed
        self._api = api

    def settled(self, decision: Decision, level: Level, tag: int, own: Own | None = None) -> Decision:
        """The decision after all; a rule without an answer passes the element on to the next. `Hold`, `Exclude`.

        `own` reads the element's value, where it isn't that of the root.
        """
        while decision.kind is Kind.ASK and decision.choice is not None:
            choice, known = decision.choice, decision.known
            if choice.code == DATE:
                if first_value(self._view.text(tag)):
                    return decision.as_date(level)
                decision = level.behind(decision, tag, choice.rule.position)
                continue
            answer = self._answer(choice, tag, known, own)
            if answer is not None:
                return level.resolved(answer, tag, known).written_as(decision.vr).at(tag, level)
            decision = level.behind(decision, tag, choice.rule.position)
        return decision

    def consulted(self, level: Level, tag: int, vr: bytes) -> Choice | None:
        """What the rules say about an element that they have no power over. `Hold`, `Exclude`."""
        choice = level.choice(tag, vr, 0)
        while choice is not None and choice.code in (EXPRESSION, API):
            answer = self._answer(choice, tag, vr)
            if answer is not None:
                return answer
            choice = level.choice(tag, vr, choice.rule.position + 1)
        return choice

    def _answer(self, choice: Choice, tag: int, vr: bytes, own: Own | None = None) -> Choice | None:
        rule, asked = choice.rule, Asked(tag, vr.decode("ascii"), own)
        if choice.code == API and isinstance(rule, ReplaceByAPI):
            if self._api is None:
                raise Hold("EndpointUnavailable", f"rule {rule.name!r} calls a service, and nothing here can")
            return Choice(rule, "D", self._api(rule, _Modified(self._view, self._changed), asked))
        if not isinstance(rule, ExpressionOnTags) or rule.expression is None:
            return None
        try:
            action = rule.expression.decide(self._view, asked)
        except ExpressionFailed as error:
            raise Hold("ExpressionFailed", f"rule {rule.name!r}: {error}") from None
        if action is None:
            return None
        if action.symbol is Symbol.EXCLUDE:
            raise Exclude(f"Instance excluded by profile: {rule.name}")
        if action.symbol is Symbol.ADD:
            if action.added is not None and not self._view.at_root(action.added.tag):
                self.added.setdefault(action.added.tag, (action.added.vr.encode("ascii"), action.value or ""))
            return None
        return Choice(rule, _SYMBOLS[action.symbol], action.value)


class _Modified:
    """The root as far as it is changed already: what a service's templates see."""

    def __init__(self, view: HeaderView, changed: Mapping[int, str | None]) -> None:
        self._view = view
        self._changed = changed

    def text(self, tag: int) -> str | None:
        """The new value where there is one."""
        return self._changed[tag] if tag in self._changed else self._view.text(tag)

    def has_value(self, tag: int) -> bool:
        """The root has the element still, with a value."""
        return self._changed[tag] is not None if tag in self._changed else self._view.has_value(tag)

    def present(self, tag: int) -> bool:
        """The element is there still."""
        return self._view.present(tag) and not (tag in self._changed and self._changed[tag] is None)
