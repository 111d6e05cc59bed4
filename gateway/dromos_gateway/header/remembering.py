# SPDX-License-Identifier: Apache-2.0
"""Layouts of headers that came before: the slices of a series have the same heads at the same places, most of them.

Where a data set has exactly the heads of one that was walked, byte for byte and at the same places, and ends at the
same one, a walk over it would find the same. To compare them takes a tenth of the time. Only heads are kept, no values.
"""

from __future__ import annotations

from typing import Final

from dromos_gateway.header.encoding import Encoding
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source

_MOST_MET: Final = 4096  # layouts that were seen, of which only numbers are kept
_MOST_SIZES: Final = 64
_MOST_OF_A_SIZE: Final = 4
_SPARSE: Final = 64  # bytes per element above which it takes as long to compare as to walk

_Key = tuple[Encoding, int]


class _Known:
    """A layout and the heads that make it: as a number, with nothing where values are."""

    __slots__ = ("_heads", "_last", "_mask", "_pixels", "_size", "layout")

    def __init__(self, layout: Layout, block: bytes) -> None:
        self.layout = layout
        self._last, self._size = layout.starts[-2], layout.starts[-1]
        self._pixels = block[self._last : self._size]
        mask = bytearray(self._size)
        for _, start, value, _ in layout.places():
            mask[start:value] = b"\xff" * (value - start)
        self._mask = int.from_bytes(mask, "little")
        self._heads = int.from_bytes(block[: self._size], "little") & self._mask

    def fits(self, block: bytes) -> bool:
        """Whether a data set has these heads."""
        if block[self._last : self._size] != self._pixels:  # differs as soon as one value is of another length
            return False
        return int.from_bytes(block[: self._size], "little") & self._mask == self._heads


_MET: set[int] = set()
_KNOWN: dict[_Key, tuple[_Known, ...]] = {}


def recall(source: Source, encoding: Encoding) -> Layout | None:
    """The layout of a data set whose heads came before; None: it has to be walked."""
    if source.base == 0:
        for known in _KNOWN.get((encoding, source.end), ()):
            if known.fits(source.block):
                return known.layout
    return None


def remember(source: Source, encoding: Encoding, layout: Layout) -> None:
    """Keep a layout of root-level elements that a walk has found twice, if its heads alone decide about it.

    That is up to whoever walked it: it ends where Pixel Data begin, and nothing before them is without a length.
    """
    size = layout.starts[-1]
    if source.base != 0 or size > len(source.block) or size > _SPARSE * len(layout.shape.tags):
        return
    key = (encoding, source.end)
    met = hash((key, id(layout.shape), tuple(layout.starts)))
    if met not in _MET:
        if len(_MET) >= _MOST_MET:
            _MET.clear()
        _MET.add(met)
        return
    if len(_KNOWN) >= _MOST_SIZES and key not in _KNOWN:
        _KNOWN.clear()
    newest = (_Known(layout, source.block), *_KNOWN.get(key, ()))
    _KNOWN[key] = newest[:_MOST_OF_A_SIZE]
