# SPDX-License-Identifier: Apache-2.0
"""Frames of encapsulated Pixel Data (PS3.5 A.4): fragments, and the offset tables that say which belong together."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dromos_gateway.header.encoding import EXPLICIT, ITEM, SEQUENCE_DELIMITER, UNDEFINED
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.header.walking import item_head
from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit

_BEGINNINGS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")  # JPEG and JPEG-LS, JPEG 2000, JP2


@dataclass(frozen=True, slots=True)
class Fragment:
    """Where one lies in the file; `item` is the offset of its item tag, `start` and `end` are those of its bytes."""

    item: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Encapsulated:
    """The frames of encapsulated Pixel Data, each one or more fragments, and the offset of what follows them."""

    data: Buffer
    frames: tuple[tuple[Fragment, ...], ...]
    end: int

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def length(self) -> int:
        """Bytes of all fragments."""
        return sum(fragment.end - fragment.start for frame in self.frames for fragment in frame)

    def frame(self, index: int) -> Buffer:
        """The code stream of a frame, one padding byte perhaps included."""
        fragments = self.frames[index]
        if len(fragments) == 1:
            return self.data[fragments[0].start : fragments[0].end]
        return b"".join(self.data[fragment.start : fragment.end] for fragment in fragments)


def open_encapsulated(
    data_set: DataSet, data: Buffer, value: int, count: int, extended: tuple[Buffer, Buffer] | None
) -> Encapsulated:
    """Read the items from `value` on and find `count` frames. `extended`: the values of the extended offset table and
    its lengths (PS3.3 C.7.6.3.1.8). `Unfit` when a table lies, or when nothing tells where frames begin;
    `MalformedDataSet` when a fragment is longer than the file.
    """
    table, fragments, end = _items(data_set, data, value)
    if not fragments:
        raise Unfit("Pixel Data has no fragment")
    if extended is not None:
        frames = _by_offsets(fragments, _numbers(extended[0], "Q"), count, "extended offset table")
        _check_lengths(frames, _numbers(extended[1], "Q"))
    elif table:
        frames = _by_offsets(fragments, _numbers(table, "L"), count, "basic offset table")
    elif count == 1:
        frames = (_one_frame(data, fragments),)
    elif len(fragments) == count:
        frames = tuple((fragment,) for fragment in fragments)
    else:
        frames = _by_beginnings(data, fragments, count)
    return Encapsulated(data, frames, end)


def _items(data_set: DataSet, data: Buffer, offset: int) -> tuple[Buffer, list[Fragment], int]:
    table: Buffer | None = None
    fragments: list[Fragment] = []
    while True:
        tag, _, content, length = item_head(data_set, offset, data_set.end, EXPLICIT)
        if tag == SEQUENCE_DELIMITER:
            return table or b"", fragments, content
        if tag != ITEM or length == UNDEFINED:
            raise Unfit("Pixel Data is broken: a fragment is no item")
        if table is None:
            table = data[content : content + length]
        else:
            fragments.append(Fragment(offset, content, content + length))
        offset = content + length


def _numbers(table: Buffer, letter: str) -> tuple[int, ...]:
    size = struct.calcsize("<" + letter)
    return struct.unpack(f"<{len(table) // size}{letter}", table[: len(table) // size * size])


def _by_offsets(
    fragments: Sequence[Fragment], offsets: Sequence[int], count: int, name: str
) -> tuple[tuple[Fragment, ...], ...]:
    if len(offsets) != count:
        raise Unfit(f"the {name} has {len(offsets)} entries, NumberOfFrames is {count}")
    first = fragments[0].item
    places = {fragment.item - first: index for index, fragment in enumerate(fragments)}
    starts = [places.get(offset, -1) for offset in offsets]
    if starts[0] != 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        raise Unfit(f"the {name} points elsewhere than at the fragments, in order")
    ends = [*starts[1:], len(fragments)]
    return tuple(tuple(fragments[start:end]) for start, end in zip(starts, ends, strict=True))


def _check_lengths(frames: Sequence[Sequence[Fragment]], lengths: Sequence[int]) -> None:
    if len(lengths) != len(frames):
        raise Unfit(f"the extended offset table has {len(lengths)} lengths for {len(frames)} frames")
    for frame, length in zip(frames, lengths, strict=True):
        held = sum(fragment.end - fragment.start for fragment in frame)
        if length not in (held, held - 1):
            raise Unfit("the extended offset table's lengths are not those of the fragments")


def _one_frame(data: Buffer, fragments: Sequence[Fragment]) -> tuple[Fragment, ...]:
    """All fragments, unless there are frames among them that the header does not know of: they would be lost."""
    if any(_begins(data, fragment) for fragment in fragments[1:]):
        raise Unfit("there is more than one frame, NumberOfFrames is 1")
    return tuple(fragments)


def _begins(data: Buffer, fragment: Fragment) -> bool:
    return bytes(data[fragment.start : fragment.start + 8]).startswith(_BEGINNINGS)


def _by_beginnings(data: Buffer, fragments: Sequence[Fragment], count: int) -> tuple[tuple[Fragment, ...], ...]:
    frames: list[list[Fragment]] = []
    for fragment in fragments:
        if _begins(data, fragment):
            frames.append([])
        if not frames:
            raise Unfit("the first fragment does not begin a frame")
        frames[-1].append(fragment)
    if len(frames) != count:
        raise Unfit(f"there are {len(frames)} frames, NumberOfFrames is {count}")
    return tuple(tuple(frame) for frame in frames)
