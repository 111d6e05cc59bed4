# SPDX-License-Identifier: Apache-2.0
"""One plan at work on one instance: walks its elements, copies what stays, writes what changes."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from dromos_gateway.deid.actions import REMOVED, Element, note_kept
from dromos_gateway.deid.asking import Asking, Own, ReplaceAPI
from dromos_gateway.deid.cleaning import Identifying
from dromos_gateway.deid.compressed import words_beside_pixels
from dromos_gateway.deid.dates import Shift
from dromos_gateway.deid.decision import WATCHED, Decision, Kind
from dromos_gateway.deid.identities import identities
from dromos_gateway.deid.iod import attribute_type
from dromos_gateway.deid.level import Level
from dromos_gateway.deid.offsets import TABLES, is_true
from dromos_gateway.deid.outcomes import Hold, Step
from dromos_gateway.deid.plan import Plan
from dromos_gateway.deid.private import Blocks
from dromos_gateway.deid.program import CARRY_OUT, REMEMBER, Program, compile_program
from dromos_gateway.deid.surplus import pixel_bytes
from dromos_gateway.deid.trail import Trail
from dromos_gateway.header.encoding import IMPLICIT, PIXEL_DATA, UNDEFINED, Encoding
from dromos_gateway.header.errors import named
from dromos_gateway.header.indexing import index_item
from dromos_gateway.header.output import Sink, packed_length
from dromos_gateway.header.sets import SPECIFIC_CHARACTER_SET, encodings_of
from dromos_gateway.header.shape import Layout, Place
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import first_value, text_of
from dromos_gateway.header.view import HeaderView
from dromos_gateway.header.vr import known_vr
from dromos_gateway.header.walking import ITEM_MARK, holds_items, items, length_before
from dromos_gateway.header.writing import element

_BIG_ITEM_MARK: Final = b"\xff\xfe\xe0\x00"
_ACT, _ASK, _EMPTY, _KEEP = Kind.ACT, Kind.ASK, Kind.EMPTY, Kind.KEEP
_PIXELS: Final = 0x7FE00010
_PART: Final = 1024 * 1024
_MEMORIES: Final = 512  # values that a decision remembers
_PROGRAMS: Final = 128  # that a level remembers
_LONGEST: Final = 2048  # elements of a shape whose program is remembered
_NOTHING: Final[dict[int, bytes]] = {}


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
        layout: Layout,
        view: HeaderView,
        truths: tuple[bool, ...],
        *,
        api: ReplaceAPI | None = None,
        trail: bool = False,
        syntax: str = "",
    ) -> None:
        """`syntax` is the transfer syntax, which says how encapsulated pixels are read."""
        self.plan = plan
        self.view = view
        self.truths = truths
        self.source = source
        self.sop_class_uid = view.text(0x00080016) or ""
        self.patient_id = first_value(view.text(0x00100020))
        self.applied: set[int] = set()
        self.dates_kept = False
        self.shifts: dict[int, Shift] = {}
        self.changed: dict[int, str | None] = {}
        self._trail = Trail(source) if trail else None
        self._asking = Asking(view, self.changed, api)
        self._layout = layout
        self._syntax = syntax
        self._watches_all = plan.calls_services
        self._log = bytearray()
        self._copied = 0
        self._identifying: Identifying | None = None
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
        self._elements(self._layout, scope, additions, frozenset(kept_blocks))
        sink.splice(self.source, self._copied, self.source.end, b"")
        self._copied = self.source.end

    def digest(self) -> str:
        """SHA-256 over which rule did what to which element, in hexadecimal; no value is in it."""
        return sha256(self._log).hexdigest()

    def kept(self, position: int, *, dates: bool) -> None:
        """A rule kept a value that would have gone."""
        self.applied.add(position)
        self.dates_kept = self.dates_kept or dates

    def identifying(self) -> Identifying:
        """What identifies somebody in the instance; asked for where a text is cleaned."""
        if self._identifying is None:
            view, options = self.view, self.plan.options
            self._identifying = identities(self.source, self._layout, view.encoding, view.character_sets, options)
        return self._identifying

    def type_of(self, found: Element) -> str | None:
        """The element's type in the instance's IOD."""
        return attribute_type(self.sop_class_uid, found.path, found.tag, strict=self.plan.strict)

    def _elements(
        self,
        layout: Layout,
        scope: Scope,
        additions: dict[int, bytes],
        kept_blocks: frozenset[tuple[int, int]] = frozenset(),
    ) -> None:
        for at in layout.unbounded:
            _refuse_unbounded(scope.level, layout.shape.tags[at], layout.shape.vrs[at])
        program, blocks = self._program(layout, scope, additions, kept_blocks)
        starts, source, splice = layout.starts, self.source, self._sink.splice
        log, copied, patient = self._log, self._copied, self.patient_id
        block, base, end = source.block, source.base, source.base + len(source.block)
        for what, first, behind, how, logged in program.steps:
            start, stop = starts[first], starts[behind]
            log += logged
            if what == REMEMBER:
                head, decision = how
                inside = base <= start and stop <= end
                value = start + head
                raw = block[value - base : stop - base] if inside else source.read(value, stop - value)
                new, after = decision.memory.get((patient, raw)) or self._worked_out(decision, scope, raw)
                if new is None:
                    continue
                if decision.dated:
                    self.applied.add(decision.position)
                if decision.watched:
                    self.changed[decision.tag] = after
            elif what == CARRY_OUT:
                self._copied = copied
                tag, decision = how
                if decision is None:
                    self._consult(scope, tag, layout.place(first))
                else:
                    self._look_closer(decision, blocks, scope, tag, layout.place(first))
                copied = self._copied
                continue
            elif how.__class__ is bytes:
                new = how
            else:
                new = b"".join([part if part.__class__ is bytes else additions[part] for part in how])
            if copied != start or new:
                splice(source, copied, start, new)
            copied = stop
        self._copied = copied

    def _program(
        self, layout: Layout, scope: Scope, additions: dict[int, bytes], kept: frozenset[tuple[int, int]]
    ) -> tuple[Program, Blocks | None]:
        """The level's program for the shape, and the private blocks where they must be known."""
        level = scope.level
        detailed = self._trail is not None
        added = tuple(sorted(additions)) if additions else ()
        key = layout.shape, added, kept, detailed
        program = level.programs.get(key)
        if program is not None:
            return program, self._blocks(layout, scope, kept) if program.blocks else None
        blocks = self._blocks(layout, scope, kept)
        program = compile_program(level, layout.shape, added, blocks, detailed=detailed)
        if len(level.programs) >= _PROGRAMS:
            level.programs.clear()
        if len(layout.shape.tags) <= _LONGEST:
            level.programs[key] = program
        return program, blocks if program.blocks else None

    def _blocks(self, layout: Layout, scope: Scope, kept: frozenset[tuple[int, int]]) -> Blocks | None:
        """The private blocks, if some of them may stay."""
        if not self.plan.may_keep_private and not kept:
            return None

        def settled(decision: Decision, tag: int) -> Decision:
            own = self._own(decision, scope, layout.place(layout.shape.index[tag]))
            return self._asking.settled(decision, scope.level, tag, own)

        return Blocks(layout, scope.level, self.source, kept, settled)

    def _own(self, decision: Decision, scope: Scope, place: Place) -> Own | None:
        """What reads an element's value in a sequence: Karnak's expressions see the root's, and keep another."""
        if not self.plan.strict or not scope.level.path:
            return None
        _, _, value, stop = place

        def read() -> str | None:
            raw = self.source.read(value, stop - value)
            return text_of(decision.known, raw, scope.encodings, scope.encoding.order)

        return read

    def _worked_out(self, decision: Decision, scope: Scope, raw: bytes) -> tuple[bytes | None, str | None]:
        """The new element in place of an old value; from now on in the decision's memory, None: it stays as it is.

        And the new value as text, where somebody asks for it.
        """
        written = after = None
        new = self._acted(decision, scope, decision.tag, raw)
        if new is REMOVED:
            written = b""
        elif new is not None:
            written = self._whole(decision, scope, decision.tag, new)
            if decision.watched:
                after = text_of(decision.new_vr or decision.known, new, scope.encodings, scope.encoding.order)
        if len(decision.memory) >= _MEMORIES:
            decision.memory.clear()
        decision.memory[(self.patient_id, raw)] = written, after
        return written, after

    def _look_closer(self, decision: Decision, blocks: Blocks | None, scope: Scope, tag: int, place: Place) -> None:
        if blocks is not None and tag & 0x10000:
            decision = blocks.mended(decision, tag)
        if decision.kind is _ASK:
            decision = self._asking.settled(decision, scope.level, tag, self._own(decision, scope, place))
        self._carry_out(decision, scope, tag, place)

    def _consult(self, scope: Scope, tag: int, place: Place) -> None:
        """Ask the rules about what is written anew afterwards, so that services and masks see what they make of it."""
        vr, _, value, stop = place
        known = known_vr(tag, vr)
        choice = self._asking.consulted(scope.level, tag, known)
        if choice is None or known == b"SQ" or not (self._watches_all or tag in WATCHED):
            return
        decision = scope.level.resolved(choice, tag, known).written_as(vr)
        new: bytes | None = b""
        if decision.kind in (_ACT, _KEEP):
            new = self._acted(decision, scope, tag, self.source.read(value, stop - value))
        if new is not None:
            found = text_of(decision.new_vr or known, new, scope.encodings, scope.encoding.order)
            self.changed[tag] = None if new is REMOVED else found

    def _carry_out(self, decision: Decision, scope: Scope, tag: int, place: Place) -> None:
        _, start, value, stop = place
        kind, known = decision.kind, decision.known
        if self.plan.strict and self._hides_items(decision, tag, value, stop):
            raise Hold("ActionFailed", f"{named(tag)} is no sequence, and has one in it")
        if (known == b"SQ" and kind is _KEEP) or (
            known == b"UN" and kind in (_KEEP, _ACT) and holds_items(self.source, value, stop)
        ):
            self._sequence(decision, scope, tag, place)
        elif kind is _KEEP and tag in PIXEL_DATA:
            self._pixels(scope, tag, place)
        elif kind is _KEEP and tag in TABLES and not self._is_true(scope, tag, place):
            self._note(decision, scope, tag, place, None)
            self._replace(start, stop, b"")
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

    def _pixels(self, scope: Scope, tag: int, place: Place) -> None:
        """Pixels stay; what is beside or behind them is written over."""
        _, _, value, stop = place
        if length_before(self.source, value, scope.encoding) == UNDEFINED:
            for start, end, new in words_beside_pixels(self.source, value, stop, self._syntax):
                self._replace(start, end, new)
        elif not scope.level.path and tag == _PIXELS:
            start = value + pixel_bytes(self.view, stop - value, self.sop_class_uid)
            while start < stop:  # Pieces may not have room for all of it
                end = min(stop, start + _PART)
                self._replace(start, end, bytes(end - start))
                start = end

    def _is_true(self, scope: Scope, tag: int, place: Place) -> bool:
        """Of an extended offset table; tag morphing leaves it as it is."""
        if self.plan.morphing or _PIXELS not in self._layout:
            return self.plan.morphing
        raw, pixels = (
            self.source.read(place[2], place[3] - place[2]),
            self._layout.place(self._layout.shape.index[_PIXELS]),
        )
        return not scope.level.path and is_true(tag, raw, pixels, self.source, scope.encoding)

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
        length = length_before(source, value, encoding)
        below = Scope(scope.level.below(tag, decision.choice, inner), inner, scope.encodings)
        depth = len(scope.level.path)
        self._open(start, value)
        before = sink.total
        for content, size, after in items(source, value, length, stop, inner, depth):
            self._open(content - 8, content)
            within = sink.total
            elements = index_item(source, content, size, after, inner, depth + 1)
            within_item = below
            if SPECIFIC_CHARACTER_SET in elements.shape.index:
                within_item = Scope(below.level, inner, encodings_of(source, elements))
            self._elements(elements, within_item, _NOTHING)
            self._close(after, size, within, inner)
        self._close(stop, length, before, encoding)

    def _open(self, start: int, content: int) -> None:
        """Write a head by itself: its length may have to be written over."""
        self._sink.splice(self.source, self._copied, start, self.source.read(start, content - start))
        self._copied = content

    def _close(self, stop: int, length: int, begun: int, encoding: Encoding) -> None:
        if length == UNDEFINED:
            return
        sink = self._sink
        if self._copied != stop:
            sink.splice(self.source, self._copied, stop, b"")
        self._copied = stop
        if sink.total - begun != length:
            sink.patch(begun - 4, packed_length(sink.total - begun, encoding.order))

    def _hides_items(self, decision: Decision, tag: int, value: int, stop: int) -> bool:
        """Whether items would stay in what is no sequence, or big endian ones in what has lost its VR."""
        stays = decision.kind is _KEEP or decision.act is note_kept
        if not stays or decision.known == b"SQ" or tag in PIXEL_DATA or stop - value < len(ITEM_MARK):
            return False
        begins = self.source.peek(value, len(ITEM_MARK))
        return begins == _BIG_ITEM_MARK or (begins == ITEM_MARK and decision.known != b"UN")

    def _replace(self, start: int, stop: int, new: bytes) -> None:
        """New bytes for those from `start` to `stop`; everything before is as it was, unless written already."""
        if self._copied != start or new:
            self._sink.splice(self.source, self._copied, start, new)
        self._copied = stop

    def _note(
        self, decision: Decision, scope: Scope, tag: int, place: Place, new: bytes | None, *, same: bool = False
    ) -> None:
        """Remember a step: always for the digest, with values only where somebody asks for them."""
        self._log += decision.step
        after = None
        if new is not None and (decision.watched or self._watches_all or self._trail is not None):
            after = text_of(decision.new_vr or decision.known, new, scope.encodings, scope.encoding.order)
        if not same and decision.code != "W" and (decision.watched or (self._watches_all and not scope.level.path)):
            self.changed[tag] = after
        if self._trail is not None:
            self._trail.add(decision, scope.level.path, tag, place, scope, after, same=same)


def _refuse_unbounded(level: Level, tag: int, vr: bytes) -> None:
    """`Hold` for an element without a length that is neither a sequence nor pixels, unless it goes."""
    decision = level.table.get(tag)
    if decision is None or decision.vr != vr:
        decision = level.decide(tag, vr)
    if not decision.blind:
        raise Hold("MalformedDataSet", f"{named(tag)} has no length, and its VR can't be without one")
