# SPDX-License-Identifier: Apache-2.0
"""One plan at work on one instance: walks its elements, copies what stays, writes what changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from dromos_crds.profiles.confidentiality import row_of
from dromos_gateway.deid.actions import REMOVED, Element
from dromos_gateway.deid.asking import Asking, ReplaceAPI
from dromos_gateway.deid.cleaning import words_of
from dromos_gateway.deid.dates import Shift
from dromos_gateway.deid.decision import Decision, Kind
from dromos_gateway.deid.iod import attribute_type
from dromos_gateway.deid.level import Level
from dromos_gateway.deid.outcomes import Hold, Step
from dromos_gateway.deid.plan import Plan
from dromos_gateway.deid.private import Blocks
from dromos_gateway.deid.trail import Trail
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

_ITEM_MARK: Final = b"\xfe\xff\x00\xe0"
_LAST: Final = 1 << 40  # behind every tag
_REMOVE, _ACT, _ASK, _EMPTY, _KEEP = Kind.REMOVE, Kind.ACT, Kind.ASK, Kind.EMPTY, Kind.KEEP
_MEMORIES: Final = 512  # values that a decision remembers


class Scope:
    """Where elements stand: their table, how they are written, and which character sets they have."""

    __slots__ = ("encoding", "encodings", "level")

    def __init__(self, level: Level, encoding: Encoding, encodings: tuple[str, ...]) -> None:
        self.level = level
        self.encoding = encoding
        self.encodings = encodings


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
        self.shifts: dict[int, Shift] = {}
        self.changed: dict[int, str | None] = {}
        self._trail = Trail(source) if trail else None
        self._asking = Asking(view, self.changed, api)
        self._places = places
        self._watches_all = plan.calls_services
        self._log = bytearray()
        self._copied = 0
        self._words: frozenset[str] | None = None
        self._sink: Sink

    @property
    def added(self) -> dict[int, tuple[bytes, str]]:
        """What expressions add: VR and value by tag."""
        return self._asking.added

    @property
    def steps(self) -> tuple[Step, ...] | None:
        """What was done, where a trail was wanted."""
        return None if self._trail is None else tuple(self._trail.steps)

    def edit(self, sink: Sink, additions: dict[int, bytes], kept_blocks: Iterable[tuple[int, int]] = ()) -> None:
        """Write the new data set. `additions` are whole elements by tag, `kept_blocks` private blocks that stay."""
        self._sink, self._copied = sink, 0
        level = self.plan.root(self.sop_class_uid, self.truths, self.view.encoding)
        scope = Scope(level, self.view.encoding, self.view.character_sets)
        self._elements(tuple(self._places.items()), scope, additions, frozenset(kept_blocks))
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
        return attribute_type(self.sop_class_uid, found.path, found.tag, strict=self.plan.strict)

    def _elements(
        self,
        elements: Sequence[tuple[int, Place]],
        scope: Scope,
        additions: dict[int, bytes],
        kept_blocks: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        pending = sorted(additions)
        following = pending[0] if pending else _LAST
        level, log, slow = scope.level, self._log, self._trail is not None
        table, decide = level.table, level.decide
        blocks = self._blocks(elements, level, kept_blocks)
        for tag, place in elements:
            while following < tag:
                self._replace(place[1], place[1], additions[pending.pop(0)])
                following = pending[0] if pending else _LAST
            if following == tag:  # written in its place
                self._replace(place[1], place[3], additions[pending.pop(0)])
                following = pending[0] if pending else _LAST
                continue
            decision = table.get(tag)
            if decision is None or decision.vr != place[0]:
                decision = decide(tag, place[0])
            if decision.simple:
                continue
            if blocks is not None and tag & 0x10000:
                decision = blocks.mended(decision, tag)
            if decision.kind is _ASK:
                decision = self._asking.settled(decision, level, tag).at(tag, level)
            if slow or not decision.quick:
                self._carry_out(decision, scope, tag, place)
                continue
            log += decision.step
            if decision.kind is not _REMOVE:
                self._repeat(decision, scope, tag, place)
            elif self._copied == place[1]:
                self._copied = place[3]
            else:
                self._replace(place[1], place[3], b"")
        for tag in pending:
            end = elements[-1][1][3] if elements else self._copied
            self._replace(end, end, additions[tag])

    def _blocks(
        self, elements: Sequence[tuple[int, Place]], level: Level, kept: frozenset[tuple[int, int]]
    ) -> Blocks | None:
        """The private blocks, if some of them may stay."""
        if not self.plan.may_keep_private and not kept:
            return None
        private = [found for found in elements if found[0] & 0x10000]
        if not private:
            return None
        settle = self._asking.settled
        return Blocks(private, level, self.source, kept, lambda decision, tag: settle(decision, level, tag))

    def _repeat(self, decision: Decision, scope: Scope, tag: int, place: Place) -> None:
        """What depends on the value and the patient only is remembered from instance to instance."""
        _, start, value, stop = place
        if decision.constant is not None:
            self._replace(start, stop, decision.constant)
            return
        raw = self.source.read(value, stop - value)
        key = (self.patient_id, raw)
        known = decision.memory.get(key)
        if known is None:
            new = self._acted(decision, scope, tag, raw)
            if new is None or new is REMOVED:
                known = (new, None)
            else:
                shown = text_of(decision.new_vr or decision.known, new, scope.encodings, scope.encoding.order)
                known = (self._whole(decision, scope, tag, new), shown)
            if len(decision.memory) >= _MEMORIES:
                decision.memory.clear()
            decision.memory[key] = known
        if decision.dated:
            self.applied.add(decision.position)
        written, after = known
        if written is None:
            return
        self._replace(start, stop, b"" if written is REMOVED else written)
        if decision.watched:
            self.changed[tag] = after

    def _carry_out(self, decision: Decision, scope: Scope, tag: int, place: Place) -> None:
        _, start, value, stop = place
        kind, known = decision.kind, decision.known
        if (known == b"SQ" and kind is _KEEP) or (
            known == b"UN" and kind in (_KEEP, _ACT) and self._holds_items(value, stop)
        ):
            self._sequence(decision, scope, tag, place)
        elif kind is _EMPTY:
            self._note(decision, scope, tag, place, b"")
            self._replace(start, stop, element(tag, decision.vr, b"", scope.encoding))
        elif kind is _ACT:
            new = self._acted(decision, scope, tag, self.source.read(value, stop - value))
            if new is None:
                self._note(decision, scope, tag, place, None, same=True)
                return
            gone = new is REMOVED
            self._note(decision, scope, tag, place, None if gone else new)
            self._replace(start, stop, b"" if gone else self._whole(decision, scope, tag, new))
        elif kind is not _KEEP:
            self._note(decision, scope, tag, place, None)
            self._replace(start, stop, b"")

    def _acted(self, decision: Decision, scope: Scope, tag: int, raw: bytes) -> bytes | None:
        if decision.act is None or decision.choice is None:
            return None
        found = Element(tag, decision.known, raw, scope.encodings, scope.encoding.order, scope.level.path)
        return decision.act(self, found, decision.choice)

    def _whole(self, decision: Decision, scope: Scope, tag: int, new: bytes) -> bytes:
        vr = decision.known if decision.vr == b"UN" else decision.vr
        try:
            return element(tag, decision.new_vr or vr, new, scope.encoding)
        except ValueError as error:
            raise Hold("ActionFailed", f"{named(tag)}: {error}") from None

    def _sequence(self, decision: Decision, scope: Scope, tag: int, place: Place) -> None:
        vr, start, value, stop = place
        source, sink, encoding = self.source, self._sink, scope.encoding
        if decision.choice is not None:
            self._note(decision, scope, tag, place, None, same=True)
        inner = IMPLICIT if vr == b"UN" else encoding
        length = int.from_bytes(source.read(value - 4, 4), "big" if encoding.big_endian else "little")
        below = scope.level.below(tag, decision.choice, inner)
        depth = len(scope.level.path)
        self._open(start, value)
        before = sink.total
        for content, size, after in items(source, value, length, stop, inner, depth):
            self._open(content - 8, content)
            within = sink.total
            elements = elements_of(source, content, size, after, inner, depth + 1)
            own = next((found[1] for found in elements if found[0] == SPECIFIC_CHARACTER_SET), None)
            sets = scope.encodings if own is None else encodings_at(source, own[2], own[3])
            self._elements(elements, Scope(below, inner, sets), {})
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

    def _holds_items(self, value: int, stop: int) -> bool:
        """Whether a value whose VR nobody knows is a sequence (PS3.5 6.2.2)."""
        return stop - value >= len(_ITEM_MARK) and self.source.peek(value, 4) == _ITEM_MARK

    def _replace(self, start: int, stop: int, new: bytes) -> None:
        """New bytes for those from `start` to `stop`; everything before is as it was, unless written already."""
        if self._copied != start:
            self._sink.copy(self.source, self._copied, start)
        if new:
            self._sink.write(new)
        self._copied = stop

    def _note(
        self, decision: Decision, scope: Scope, tag: int, place: Place, new: bytes | None, *, same: bool = False
    ) -> None:
        """Remember a step: always for the digest, with values only where somebody asks for them."""
        self._log += decision.step
        after = None
        if new is not None and (decision.watched or self._watches_all or self._trail is not None):
            after = text_of(decision.new_vr or decision.known, new, scope.encodings, scope.encoding.order)
        if not same and (decision.watched or (self._watches_all and not scope.level.path)):
            self.changed[tag] = after
        if self._trail is not None:
            self._trail.add(decision, scope.level.path, tag, place, scope, after, same=same)
