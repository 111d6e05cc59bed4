# SPDX-License-Identifier: Apache-2.0
"""One plan at work on one instance: walks its elements, copies what stays, writes what changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from dromos_crds.expressions import Element as Asked
from dromos_crds.expressions import ExpressionFailed, Symbol, Values
from dromos_crds.profiles.confidentiality import row_of
from dromos_crds.profiles.rules import ExpressionOnTags, ReplaceByAPI
from dromos_gateway.deid.actions import REMOVED, Element
from dromos_gateway.deid.actions import date as dated
from dromos_gateway.deid.choosing import API, DATE, Choice
from dromos_gateway.deid.cleaning import words_of
from dromos_gateway.deid.dates import Shift
from dromos_gateway.deid.iod import attribute_type
from dromos_gateway.deid.level import Decision, Kind, Level
from dromos_gateway.deid.outcomes import Exclude, Hold, Step
from dromos_gateway.deid.plan import Plan
from dromos_gateway.deid.private import Blocks
from dromos_gateway.header.encoding import IMPLICIT, UNDEFINED, Encoding
from dromos_gateway.header.errors import named
from dromos_gateway.header.indexing import SPECIFIC_CHARACTER_SET, Place, encodings_at
from dromos_gateway.header.output import Sink, packed_length
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import text_of
from dromos_gateway.header.view import HeaderView
from dromos_gateway.header.vr import CHARACTERS
from dromos_gateway.header.walking import elements_of, items
from dromos_gateway.header.writing import element

ReplaceAPI = Callable[[ReplaceByAPI, Values, Asked], str]
_ITEM_MARK: Final = b"\xfe\xff\x00\xe0"
_LAST: Final = 1 << 40  # behind every tag
REMOVE: Final = Kind.REMOVE
_SYMBOLS: Final = {Symbol.KEEP: "K", Symbol.REMOVE: "X", Symbol.REPLACE: "D", Symbol.EMPTY: "Z", Symbol.UID: "U"}
# outgoing values that somebody asks for afterwards
WATCHED: Final = frozenset((0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00280301))


class Run:
    """The state of one pass over an instance. Values in it are patient data."""

    def __init__(
        self,
        plan: Plan,
        source: Source,
        places: dict[int, Place],
        view: HeaderView,
        truths: tuple[bool, ...],
        *,
        api: ReplaceAPI | None = None,
        trail: bool = False,
    ) -> None:
        self.plan = plan
        self.view = view
        self.truths = truths
        self.source = source
        self.sop_class_uid = view.text(0x00080016) or ""
        self.patient_id = view.text(0x00100020) or ""
        self.applied: set[int] = set()
        self.dates_kept = False
        self.added: dict[int, tuple[bytes, str]] = {}
        self.shifts: dict[int, Shift] = {}
        self.changed: dict[int, str | None] = {}
        self.trail: list[Step] | None = [] if trail else None
        self._places = places
        self._api = api
        self._log = bytearray()
        self._copied = 0
        self._words: frozenset[str] | None = None
        self._sink: Sink

    def edit(self, sink: Sink, additions: dict[int, bytes], kept_blocks: Iterable[tuple[int, int]] = ()) -> None:
        """Write the new data set. `additions` are whole elements by tag, `kept_blocks` private blocks that stay."""
        self._sink, self._copied = sink, 0
        elements = [(tag, *place) for tag, place in self._places.items()]
        level = self.plan.root(self.sop_class_uid, self.truths)
        self._elements(elements, level, self.view.encoding, self.view.character_sets, additions, frozenset(kept_blocks))
        sink.copy(self.source, self._copied, self.source.end)
        self._copied = self.source.end

    def digest(self) -> str:
        """SHA-256 over which rule did what to which element, in hexadecimal; no value is in it."""
        return sha256(self._log).hexdigest()

    def kept(self, position: int, *, dates: bool) -> None:
        """A rule kept a value that would have gone."""
        self.applied.add(position)
        self.dates_kept = self.dates_kept or dates

    def identifying(self) -> frozenset[str]:
        """The words of the root's texts that the basic profile takes out."""
        if self._words is None:
            self._words = words_of(
                self.view.text(tag)
                for tag, place in self._places.items()
                if place[0] in CHARACTERS
                and (row := row_of(tag)) is not None
                and not row.options.keys() & self.plan.options
            )
        return self._words

    def type_of(self, found: Element) -> str | None:
        """The element's type in the instance's IOD."""
        return attribute_type(self.sop_class_uid, found.path, found.tag)

    def _elements(
        self,
        elements: list[tuple[int, bytes, int, int, int]],
        level: Level,
        encoding: Encoding,
        encodings: tuple[str, ...],
        additions: dict[int, bytes],
        kept_blocks: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        pending = sorted(additions)
        following = pending[0] if pending else _LAST
        table, decide, log = level.table, level.decide, self._log
        quick = self.trail is None and not self.plan.calls_services
        blocks = self._blocks(elements, level, kept_blocks)
        for tag, vr, start, value, stop in elements:
            while following < tag:
                self._insert(start, additions[pending.pop(0)])
                following = pending[0] if pending else _LAST
            decision = table.get(tag)
            if decision is None or decision.vr != vr:
                decision = decide(tag, vr)
            if decision.simple:
                continue
            if blocks is not None and tag & 0x10000:
                decision = blocks.mended(decision, tag)
            if quick and decision.kind == REMOVE and not (tag in WATCHED and not level.path):
                log += decision.step
                if self._copied == start:
                    self._copied = stop
                else:
                    self._cut(start, stop)
                continue
            if decision.kind == Kind.ASK:
                decision = self._asked(decision, level, tag).at(tag, len(level.path))
            self._carry_out(decision, level, (tag, vr, start, value, stop), encoding, encodings)
        for tag in pending:
            self._insert(elements[-1][4] if elements else self._copied, additions[tag])

    def _blocks(
        self, elements: list[tuple[int, bytes, int, int, int]], level: Level, kept: frozenset[tuple[int, int]]
    ) -> Blocks | None:
        """The private blocks, if some of them may stay."""
        if not self.plan.may_keep_private and not kept:
            return None
        if not any(found[0] >> 16 & 1 for found in elements):
            return None
        return Blocks(elements, level, self.source, kept, lambda decision, tag: self._asked(decision, level, tag))

    def _carry_out(
        self,
        decision: Decision,
        level: Level,
        place: tuple[int, bytes, int, int, int],
        encoding: Encoding,
        encodings: tuple[str, ...],
    ) -> None:
        tag, vr, start, value, stop = place
        kind = decision.kind
        if kind in (Kind.REMOVE, Kind.SAFE_PRIVATE):
            self._note(decision, level, tag, place, encoding, encodings, None)
            self._cut(start, stop)
        elif (decision.known == b"SQ" and kind == Kind.KEEP) or (
            decision.known == b"UN" and kind != Kind.EMPTY and self._holds_items(value, stop)
        ):
            self._sequence(decision, level, place, encoding, encodings)
        elif kind == Kind.EMPTY:
            self._note(decision, level, tag, place, encoding, encodings, b"")
            self._replace(start, stop, element(tag, vr, b"", encoding))
        elif kind == Kind.ACT and decision.act is not None and decision.choice is not None:
            raw = self.source.read(value, stop - value)
            found = Element(tag, decision.known, raw, encodings, encoding.order, level.path)
            new = decision.act(self, found, decision.choice)
            self._settle(decision, level, place, encoding, encodings, new)

    def _settle(
        self,
        decision: Decision,
        level: Level,
        place: tuple[int, bytes, int, int, int],
        encoding: Encoding,
        encodings: tuple[str, ...],
        new: bytes | None,
    ) -> None:
        """Write what an action made."""
        tag, vr, start, _, stop = place
        if new is REMOVED:
            self._note(decision, level, tag, place, encoding, encodings, None)
            self._cut(start, stop)
            return
        self._note(decision, level, tag, place, encoding, encodings, new, same=new is None)
        if new is None:
            return
        if vr == b"UN" and decision.known != b"UN":
            vr = decision.known
        try:
            self._replace(start, stop, element(tag, decision.new_vr or vr, new, encoding))
        except ValueError as error:
            raise Hold("ActionFailed", f"{named(tag)}: {error}") from None

    def _sequence(
        self,
        decision: Decision,
        level: Level,
        place: tuple[int, bytes, int, int, int],
        encoding: Encoding,
        encodings: tuple[str, ...],
    ) -> None:
        tag, _, start, value, stop = place
        source, sink = self.source, self._sink
        if decision.choice is not None:
            self._note(decision, level, tag, place, encoding, encodings, None, same=True)
        inner = IMPLICIT if decision.vr == b"UN" else encoding
        length = int.from_bytes(source.read(value - 4, 4), "big" if encoding.big_endian else "little")
        below = level.below(tag, decision.choice)
        self._open(start, value)
        before = sink.total
        for content, size, after in items(source, value, length, stop, inner, len(level.path)):
            self._open(content - 8, content)
            within = sink.total
            elements = elements_of(source, content, size, after, inner, len(level.path) + 1)
            own = next((found for found in elements if found[0] == SPECIFIC_CHARACTER_SET), None)
            sets = encodings if own is None else encodings_at(source, own[3], own[4])
            self._elements(elements, below, inner, sets, {})
            self._close(after, size, within, inner)
        self._close(stop, length, before, encoding)

    def _open(self, start: int, content: int) -> None:
        """Write a head by itself: its length may have to be written over."""
        self._sink.copy(self.source, self._copied, start)
        self._sink.write(self.source.read(start, content - start))
        self._copied = content

    def _close(self, stop: int, length: int, begun: int, encoding: Encoding) -> None:
        if length == UNDEFINED:
            return
        sink = self._sink
        sink.copy(self.source, self._copied, stop)
        self._copied = stop
        if sink.total - begun != length:
            sink.patch(begun - 4, packed_length(sink.total - begun, encoding.order))

    def _asked(self, decision: Decision, level: Level, tag: int) -> Decision:
        """Ask an expression, a service or the root, and if it has no answer the next rule."""
        while decision.kind == Kind.ASK and decision.choice is not None:
            choice, known = decision.choice, decision.known
            answer = self._answer(choice, level, tag, known)
            if answer is not None and answer.code == DATE:
                return decision.as_kind(Kind.ACT, dated)
            if answer is not None:
                return level.resolved(answer, tag, known).written_as(decision.vr)
            decision = level.decide_from(tag, known, choice.rule.position + 1).written_as(decision.vr)
        return decision

    def _answer(self, choice: Choice, level: Level, tag: int, vr: bytes) -> Choice | None:
        rule, asked = choice.rule, Asked(tag, vr.decode("ascii"))
        if choice.code == DATE:
            return choice if self.view.at_root(tag) else None
        if choice.code == API and isinstance(rule, ReplaceByAPI):
            if self._api is None:
                raise Hold("EndpointUnavailable", f"rule {rule.name!r} calls a service, and nothing here can")
            return Choice(rule, "D", self._api(rule, _Modified(self), asked))
        if not isinstance(rule, ExpressionOnTags) or rule.expression is None:
            return None
        try:
            action = rule.expression.decide(self.view, asked)
        except ExpressionFailed as error:
            raise Hold("ExpressionFailed", f"rule {rule.name!r}: {error}") from None
        if action is None:
            return None
        if action.symbol is Symbol.EXCLUDE:
            raise Exclude(f"Instance excluded by profile: {rule.name}")
        if action.symbol is Symbol.ADD:
            if action.added is not None and not self.view.at_root(action.added.tag):
                self.added.setdefault(action.added.tag, (action.added.vr.encode("ascii"), action.value or ""))
            return None
        return Choice(rule, _SYMBOLS[action.symbol], action.value)

    def _holds_items(self, value: int, stop: int) -> bool:
        """Whether a value whose VR nobody knows is a sequence (PS3.5 6.2.2)."""
        return stop - value >= len(_ITEM_MARK) and self.source.peek(value, 4) == _ITEM_MARK

    def _cut(self, start: int, stop: int) -> None:
        self._sink.copy(self.source, self._copied, start)
        self._copied = stop

    def _replace(self, start: int, stop: int, new: bytes) -> None:
        self._sink.copy(self.source, self._copied, start)
        self._sink.write(new)
        self._copied = stop

    def _insert(self, before: int, new: bytes) -> None:
        self._sink.copy(self.source, self._copied, before)
        self._sink.write(new)
        self._copied = before

    def _note(
        self,
        decision: Decision,
        level: Level,
        tag: int,
        place: tuple[int, bytes, int, int, int],
        encoding: Encoding,
        encodings: tuple[str, ...],
        new: bytes | None,
        *,
        same: bool = False,
    ) -> None:
        """Remember a step: always for the digest, with values only where a trail is wanted."""
        self._log += decision.step
        watched = not level.path and (tag in WATCHED or self.plan.calls_services)
        if same or (not watched and self.trail is None):
            if self.trail is not None:
                self._show(decision, level, tag, place, encoding, encodings, None, same=True)
            return
        after = None if new is None else text_of(decision.new_vr or decision.known, new, encodings, encoding.order)
        if watched:
            self.changed[tag] = after
        if self.trail is not None:
            self._show(decision, level, tag, place, encoding, encodings, after, same=False)

    def _show(
        self,
        decision: Decision,
        level: Level,
        tag: int,
        place: tuple[int, bytes, int, int, int],
        encoding: Encoding,
        encodings: tuple[str, ...],
        after: str | None,
        *,
        same: bool,
    ) -> None:
        before = None
        if decision.known != b"SQ" and place[4] - place[3] < _SHOWN:
            raw = self.source.read(place[3], place[4] - place[3])
            before = text_of(decision.known, raw, encodings, encoding.order)
        if decision.code == "W":
            return  # shown with its new value
        rule = decision.choice.rule.name if decision.choice is not None else "always removed"
        if self.trail is not None:
            vr = decision.known.decode("ascii")
            self.trail.append(Step((*level.path, tag), vr, rule, decision.code, before, before if same else after))


_SHOWN: Final = 64 * 1024  # bytes of a value that a preview shows


class _Modified:
    """The root as far as it is changed already: what a service's templates see."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def text(self, tag: int) -> str | None:
        """The new value where there is one."""
        return self._run.changed[tag] if tag in self._run.changed else self._run.view.text(tag)

    def present(self, tag: int) -> bool:
        """The element is there still."""
        return self._run.view.present(tag) and not (tag in self._run.changed and self._run.changed[tag] is None)
