# SPDX-License-Identifier: Apache-2.0
"""Which elements a data set or an item has, in their order, without where: the same for all slices of a series.

What is worked out about a shape is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dromos_gateway.header.vr import LONG

_MOST_SHAPES: Final = 512
_MOST_REMEMBERED: Final = 2048  # elements of a shape that is kept
# VR, where the element begins, where its value begins, where the element ends
Place = tuple[bytes, int, int, int]


def kind_of(tag: int, vr: bytes) -> int:
    """Tag and VR in one number."""
    return tag << 16 | vr[0] << 8 | vr[1]


class Shape:
    """Tags and VRs of elements, how long the head of each is, and which of them has a tag (the first, of several)."""

    __slots__ = ("heads", "index", "tags", "vrs")

    def __init__(self, kinds: Sequence[int], *, explicit: bool) -> None:
        self.tags = [kind >> 16 for kind in kinds]
        self.vrs = [(kind & 0xFFFF).to_bytes(2, "big") for kind in kinds]
        self.heads = [12 if explicit and vr in LONG else 8 for vr in self.vrs]
        count = len(kinds)
        self.index = dict(zip(reversed(self.tags), range(count - 1, -1, -1), strict=True))


_SHAPES: dict[tuple[bool, tuple[int, ...]], Shape] = {}


def shape_of(kinds: Sequence[int], *, explicit: bool) -> Shape:
    """The shape of such elements; the same object for the same elements, most of the time."""
    if len(kinds) > _MOST_REMEMBERED:
        return Shape(kinds, explicit=explicit)
    key = explicit, tuple(kinds)
    found = _SHAPES.get(key)
    if found is None:
        if len(_SHAPES) >= _MOST_SHAPES:
            _SHAPES.clear()
        found = _SHAPES[key] = Shape(kinds, explicit=explicit)
    return found


class Layout:
    """Where the elements of a shape are: `starts` has the beginning of each, and behind them the end of the last.

    `unbounded` are numbers of elements without a length that are neither sequences nor pixels.
    """

    __slots__ = ("shape", "starts", "unbounded")

    def __init__(self, shape: Shape, starts: Sequence[int], unbounded: Sequence[int] = ()) -> None:
        self.shape = shape
        self.starts = starts
        self.unbounded = unbounded

    def __contains__(self, tag: object) -> bool:
        return tag in self.shape.index

    def get(self, tag: int) -> Place | None:
        """The place of the element with this tag."""
        at = self.shape.index.get(tag)
        return None if at is None else self.place(at)

    def place(self, at: int) -> Place:
        """The place of one element by its number."""
        shape, start = self.shape, self.starts[at]
        return shape.vrs[at], start, start + shape.heads[at], self.starts[at + 1]

    def places(self) -> Iterator[Place]:
        """The place of each element."""
        return map(self.place, range(len(self.shape.tags)))

    def items(self) -> Iterator[tuple[int, Place]]:
        """Tag and place of each element."""
        return zip(self.shape.tags, self.places(), strict=True)
