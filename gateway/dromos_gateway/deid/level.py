# SPDX-License-Identifier: Apache-2.0
"""One nesting level's table: each element that comes along is decided once, and looked up ever after."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Final

from dromos_crds.profiles.rules import ActionOnDates, DateOption
from dromos_gateway.deid import actions
from dromos_gateway.deid.choosing import API, CLEAN, DATE, EXPRESSION, Choice, choose, table_action
from dromos_gateway.deid.dates import DATE_VRS
from dromos_gateway.deid.decision import WATCHED, Decision, Kind
from dromos_gateway.deid.iod import attribute_type, is_known
from dromos_gateway.deid.multiple import is_multiple, repaired, resolve
from dromos_gateway.deid.outcomes import Hold
from dromos_gateway.deid.written import is_written
from dromos_gateway.header.encoding import Encoding
from dromos_gateway.header.errors import named
from dromos_gateway.header.sets import SPECIFIC_CHARACTER_SET
from dromos_gateway.header.vr import is_disguised, known_vr

if TYPE_CHECKING:
    from dromos_gateway.deid.plan import Plan
    from dromos_gateway.deid.program import Program

_MOST_ENTRIES: Final = 16_384
# texts that a dummy or cleaned sequence must not keep; codes, numbers and UIDs have rows of their own or say nothing
_TEXTS: Final = frozenset((b"AE", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UN", b"UR", b"UT"))
# Code Value and its kin: the words beside them are cleaned
_CODES: Final = frozenset((0x00080100, 0x00080102, 0x00080103, 0x00080105, 0x0008010B, 0x00080119, 0x00080120))
# never of any use in a changed data set: signatures of what was, padding
ALWAYS_REMOVED: Final = frozenset((0x4FFE0001, 0xFFFAFFFA, 0xFFFCFFFC))
_DECIDED: Final = ALWAYS_REMOVED | {SPECIFIC_CHARACTER_SET}  # whatever the rules say


class Level:
    """The table of one place in the data set, for one SOP class and one set of true conditions."""

    def __init__(
        self,
        plan: Plan,
        sop_class_uid: str,
        truths: tuple[bool, ...],
        path: tuple[int, ...],
        limit: int | None,
        inherited: tuple[int, str, str | None] | None,
        encoding: Encoding,
    ) -> None:
        self.plan = plan
        self.path = path
        self.encoding = encoding
        self.table: dict[int, Decision] = {}
        self.programs: dict[tuple[object, ...], Program] = {}
        self._behind: dict[tuple[int, bytes, int], Decision] = {}
        self._sop_class_uid = sop_class_uid
        self._truths = truths
        self._limit = len(plan.rules) if limit is None else limit + 1
        self._inherited = None if inherited is None else Choice(plan.rules[inherited[0]], inherited[1], inherited[2])

    def decide(self, tag: int, vr: bytes) -> Decision:
        """The decision for an element, from now on in `table`."""
        if not self.path and is_written(self.plan, tag):
            decision = Decision(known_vr(tag, vr), Kind.REMOVE, "W", vr=vr)  # written anew
        else:
            decision = self.decide_from(tag, known_vr(tag, vr), 0).written_as(vr)
        decision.at(tag, self)
        if len(self.table) >= _MOST_ENTRIES:
            self.table.clear()
        self.table[tag] = decision
        return decision

    def behind(self, decision: Decision, tag: int, position: int) -> Decision:
        """The decision for an element when the rule at `position` passes it on."""
        key = tag, decision.vr, position
        found = self._behind.get(key)
        if found is None:
            found = self.decide_from(tag, decision.known, position + 1).written_as(decision.vr).at(tag, self)
            if len(self._behind) >= _MOST_ENTRIES:
                self._behind.clear()
            self._behind[key] = found
        return found

    def decide_from(self, tag: int, vr: bytes, start: int) -> Decision:
        """The decision, by the element's true VR, if only the rules from `start` on are asked."""
        if tag in ALWAYS_REMOVED or not tag & 0xFFFF:
            return Decision(vr, Kind.REMOVE, "X")
        if self.plan.strict and tag == SPECIFIC_CHARACTER_SET:
            return Decision(vr, Kind.KEEP)  # whatever a pattern of a rule matches: the texts are written in it
        return self.resolved(self.choice(tag, vr, start), tag, vr)

    def consults(self, tag: int, vr: bytes, anew: Container[int]) -> bool:
        """Whether rules have a say though an element is written `anew`, or goes: they exclude, add, tell services."""
        if self.path or not (tag in anew or tag in _DECIDED or is_written(self.plan, tag)):
            return False
        choice = self.choice(tag, known_vr(tag, vr), 0)
        if choice is None:
            return False
        return choice.code in (EXPRESSION, API) or self.plan.calls_services or tag in WATCHED

    def dates_repeat(self, choice: Choice | None) -> bool:
        """Whether a rule shifts all dates of a patient alike."""
        rule = choice.rule if choice is not None else None
        if not isinstance(rule, ActionOnDates) or rule.option is DateOption.SHIFT_BY_TAG:
            return False
        return rule.option is DateOption.FORMAT or rule.moves_days

    def below(self, tag: int, choice: Choice | None, encoding: Encoding) -> Level:
        """The table for the items of a sequence whose own choice was this."""
        plan = self.plan
        inherited: tuple[int, str, str | None] | None = None
        limit: int | None = None
        if choice is not None:
            limit = min(choice.rule.position, self._limit - 1)
            inherited = (choice.rule.position, choice.code, choice.value)
        elif self._inherited is not None:  # left alone inside a sequence that wasn't
            limit, inherited = self._limit - 1, (self._inherited.rule.position, "K", None)
        return plan.level(self._sop_class_uid, self._truths, (*self.path, tag), limit, inherited, encoding)

    def resolved(self, choice: Choice | None, tag: int, vr: bytes) -> Decision:
        """An action code made certain, by type, by VR, by mode. `Hold` where it can't be carried out."""
        decision = self._resolved(choice, tag, vr)
        if self.plan.strict and not decision.blind and decision.kind is not Kind.ASK and is_disguised(tag, vr):
            said = vr.decode("latin-1")
            raise Hold("ActionFailed", f"{named(tag)} has VR {said}, which it can't have: what is in it can't be told")
        return decision

    def _resolved(self, choice: Choice | None, tag: int, vr: bytes) -> Decision:
        if choice is None:
            return Decision(vr, Kind.KEEP)
        code = choice.code
        if code in (EXPRESSION, API) or (code == DATE and not self.plan.strict):
            return Decision(vr, Kind.ASK, code, choice)
        if code == CLEAN and tag >> 16 & 1:
            return Decision(vr, Kind.SAFE_PRIVATE, code, choice)
        if vr == b"SQ" and not self.plan.strict and code not in ("X", "Z"):
            return Decision(vr, Kind.KEEP, code, choice)  # its items are treated
        if not choice.plain:
            code = self._certain(code, choice, tag, vr)
        if code == "X":
            return Decision(vr, Kind.REMOVE, code, choice)
        if code == "Z":
            return Decision(vr, Kind.EMPTY, code, choice)
        if vr == b"SQ":
            return Decision(vr, Kind.KEEP, code, Choice(choice.rule, code, choice.value, choice.option))
        if code == "K":
            if vr in DATE_VRS or tag >> 16 & 1 or (vr == b"UI" and choice.by_table):
                return Decision(vr, Kind.ACT, code, choice, actions.note_kept)
            return Decision(vr, Kind.KEEP, code, choice)
        return self._acting(code, choice, tag, vr)

    def _acting(self, code: str, choice: Choice, tag: int, vr: bytes) -> Decision:
        if code == "U":
            if vr != b"UI" and self.plan.strict:
                raise Hold("ActionFailed", f"{named(tag)}: a value of VR {vr.decode('latin-1')!r} can be no UID")
            return Decision(vr, Kind.ACT, code, choice, actions.uid, None if self.plan.strict else b"UI")
        if code == "D":
            if choice.value is None:
                return Decision(vr, Kind.EMPTY, "Z", choice)
            return Decision(vr, Kind.ACT, code, choice, actions.replace)
        if code == DATE:
            return Decision(vr, Kind.ACT, code, choice, actions.date)
        if code == CLEAN:
            act = actions.modified_date if vr in DATE_VRS else actions.clean
            return Decision(vr, Kind.ACT, code, choice, act)
        needed = self._type(tag) in ("1", "1C")
        dummy = actions.dummy_for(tag, vr, strict=self.plan.strict, needed=needed)
        if dummy is None:
            return Decision(vr, Kind.EMPTY, "Z", choice)
        decision = Decision(vr, Kind.ACT, "DDum", choice, dummy)
        decision.value = actions.constant_dummy(tag, vr, strict=self.plan.strict, needed=needed)
        return decision

    def choice(self, tag: int, vr: bytes, start: int) -> Choice | None:
        """What the rules from `start` on say, not made certain yet."""
        plan = self.plan
        found = choose(plan.rules, self._truths, tag, vr, strict=plan.strict, start=start, stop=self._limit)
        if found is not None or self._inherited is None:
            return found
        return self._inherited if not plan.strict else self._own_row(tag, vr)

    def _own_row(self, tag: int, vr: bytes) -> Choice | None:
        """Strict: what no rule up to the sequence's own is for follows its row of the table, not its parent."""
        parent, basic = self._inherited, self.plan.basic
        if basic is not None and self._truths[basic.position]:
            row = table_action(basic, tag, vr, strict=True)
            if row is not None:
                return row
        if parent is None or parent.code not in ("D", "DDum", CLEAN) or tag in _CODES:
            return None
        parent = Choice(parent.rule, CLEAN if parent.code == CLEAN else "DDum")
        if vr in _TEXTS or vr in DATE_VRS or vr == b"SQ" or (vr == b"UI" and parent.code == "DDum"):
            return parent
        return None

    def _certain(self, code: str, choice: Choice, tag: int, vr: bytes) -> str:
        plan = self.plan
        if vr == b"SQ" and code == "X/Z/U*" and plan.strict:
            return "U"  # references stay, with the UIDs that the instances they mean get too
        if is_multiple(code):
            if plan.strict and not is_known(self._sop_class_uid):
                message = (
                    f"what becomes of {named(tag)} depends on its type, and SOP class {self._sop_class_uid or '?'}"
                )
                raise Hold("UnknownSOPClass", f"{message} is not known")
            return resolve(code, self._type(tag), strict=plan.strict)
        if plan.strict and code in ("X", "Z"):
            return repaired(code, self._type(tag), by_table=choice.by_table)
        return code

    def _type(self, tag: int) -> str | None:
        return attribute_type(self._sop_class_uid, self.path, tag, strict=self.plan.strict)
