# SPDX-License-Identifier: Apache-2.0
"""Which rule is for an element, and which action it asks for: the first that matches (karnak.md §1g)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dromos_crds.profiles.confidentiality import Option, private, row_of
from dromos_crds.profiles.rules import (
    ActionOnDates,
    ActionOnTags,
    BasicProfile,
    DateOption,
    ExpressionOnTags,
    ReplaceByAPI,
    ReplaceUIDs,
    Rule,
)
from dromos_gateway.deid.dates import DATE_VRS
from dromos_gateway.deid.unlisted import never_stays, row_unlisted

EXPRESSION: Final = "expression"
API: Final = "api"
DATE: Final = "date"
CLEAN: Final = "C"
_CLEANABLE: Final = frozenset((b"LO", b"LT", b"PN", b"SH", b"SQ", b"ST", b"UC", b"UT"))
_COARSENED: Final = frozenset((b"DA", b"DT"))


@dataclass(frozen=True, slots=True)
class Choice:
    """A rule and its action: a code of karnak.md §1g, or what the value itself decides (expression, api, date, C)."""

    rule: Rule
    code: str
    value: str | None = None  # of D
    option: Option | None = None  # of the basic profile, which the code comes from
    plain: bool = False  # the code as it is, whatever the attribute's type

    @property
    def by_table(self) -> bool:
        """Whether Table E.1-1 says so, rather than a person."""
        return isinstance(self.rule, BasicProfile)


def choose(
    rules: Sequence[Rule], truths: Sequence[bool], tag: int, vr: bytes, *, strict: bool, start: int = 0, stop: int
) -> Choice | None:
    """The first of the rules from `start` to before `stop` that has an action for the element; None: leave it."""
    for rule in rules[start:stop]:
        if truths[rule.position]:
            choice = action_of(rule, tag, vr, strict=strict)
            if choice is not None:
                return choice
    return None


def action_of(rule: Rule, tag: int, vr: bytes, *, strict: bool) -> Choice | None:
    """What one rule says about an element, whatever its condition."""
    if isinstance(rule, BasicProfile):
        return table_action(rule, tag, vr, strict=strict)
    if isinstance(rule, ActionOnTags):
        if (rule.private_only and not tag >> 16 & 1) or not rule.selection.has(tag):
            return None
        return Choice(rule, "DDum" if strict and rule.action == "D" else rule.action)
    if isinstance(rule, ActionOnDates):
        treated = _COARSENED if rule.option is DateOption.FORMAT else DATE_VRS
        return Choice(rule, DATE) if vr in treated and rule.selection.has(tag) else None
    if isinstance(rule, ExpressionOnTags):
        return Choice(rule, EXPRESSION) if rule.selection.has(tag) else None
    if isinstance(rule, ReplaceByAPI):
        return Choice(rule, API) if rule.selection.has(tag) else None
    if isinstance(rule, ReplaceUIDs) and strict:
        row = row_of(tag)
        return Choice(rule, "U") if row is not None and "U" in row.basic else None
    return None


def table_action(rule: BasicProfile, tag: int, vr: bytes, *, strict: bool) -> Choice | None:
    """The row of Table E.1-1 with the rule's options; D of the table is a dummy."""
    row = row_of(tag)
    if row is None and strict:
        if never_stays(tag):
            return Choice(rule, "X", plain=True)
        row = row_unlisted(tag)
    if row is None:
        return None
    code, option = row.action(rule.options)
    if row is private() and option is not None:
        return Choice(rule, CLEAN, option=option)  # the creator decides
    if code == CLEAN:
        code = _cleaning(vr, row.basic, dates=option is Option.RETAIN_MODIFIED_DATES)
    return Choice(rule, "DDum" if code == "D" else code, option=option)


def _cleaning(vr: bytes, basic: str, *, dates: bool) -> str:
    """How something is cleaned: texts and sequences by their content, dates by a shift, AE titles by a dummy.

    Nothing finds text in the bits of an overlay or a curve, nor a date in a time zone: there the basic action stays.
    """
    if vr in DATE_VRS or (not dates and vr in _CLEANABLE):
        return CLEAN
    return "DDum" if vr == b"AE" else basic
