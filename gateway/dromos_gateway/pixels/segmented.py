# SPDX-License-Identifier: Apache-2.0
"""Segmented palettes (PS3.3 C.7.9): entries that are listed, rise or fall evenly, or are those of other segments."""

from __future__ import annotations

import numpy as np

from dromos_gateway.pixels.native import Raster
from dromos_gateway.pixels.outcome import Unfit

_DISCRETE, _LINEAR, _INDIRECT = range(3)


class _Broken(Exception):
    """It says more than there is, or what makes no sense."""


def expanded(table: bytes, count: int, order: str) -> Raster:
    """The `count` entries of 16 bits that a table of such segments stands for. `Unfit` when they are not as many."""
    words = np.frombuffer(table, f"{order}u2", len(table) // 2).astype(np.int64)
    try:
        entries = _segments(words, 0, None, None, count)
    except _Broken:
        entries = np.empty(0, np.int64)
    if len(entries) != count:
        raise Unfit("its segmented palette is not what it says", "PixelsCannotBeMasked")
    return entries


def _segments(words: Raster, place: int, most: int | None, before: int | None, room: int) -> Raster:
    """Segments from `place` on, `most` of them or all, `room` entries at most; `before` is the entry before the first.

    Those that an indirect one names are none of its kind.
    """
    parts, read, left = [np.empty(0, np.int64)], 0, room
    while place + 1 < len(words) and read != most:
        kind, length = int(words[place]), int(words[place + 1])
        place, read = place + 2, read + 1
        if kind == _DISCRETE:
            part, place = words[place : place + length], place + length
        elif kind == _LINEAR and before is not None and place < len(words) and length:
            part, place = _even(before, int(words[place]), length), place + 1
        elif kind == _INDIRECT and most is None and place + 1 < len(words):
            at = int(words[place + 1]) << 16 | int(words[place])
            if at % 2:
                raise _Broken
            part, place = _segments(words, at // 2, length, before, left), place + 2
        else:
            raise _Broken
        left -= len(part)
        if left < 0 or (kind == _DISCRETE and len(part) < length):
            raise _Broken
        if len(part):
            before = int(part[-1])
        parts.append(part)
    if most is not None and read < most:
        raise _Broken
    return np.concatenate(parts)


def _even(before: int, last: int, length: int) -> Raster:
    """`length` entries, evenly from the one after `before` to `last`."""
    return np.around(before + (last - before) * np.arange(1, length + 1) / length).astype(np.int64)
