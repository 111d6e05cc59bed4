# SPDX-License-Identifier: Apache-2.0
"""Runs of a file that are something else when they are sent: rows of rectangles in each frame of an image, filled.

What is said of them is a few numbers, whatever the size of the image; the bytes are written over those that were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_SHORT = 16 * 1024

# where the first run begins in the file; frames and rows, each with the bytes from one to the next; how long a run
# is, and the bytes that it repeats
Fill = tuple[int, tuple[int, int], tuple[int, int], int, bytes]
Fills = tuple[Fill, ...]


def rows_filled(begin: int, frames: tuple[int, int], rows: tuple[int, int], length: int, unit: bytes) -> Fill:
    """The fill of a rectangle; rows that follow each other without a gap are one run."""
    if rows[1] == length:
        rows, length = (1, length * rows[0]), length * rows[0]
    return begin, frames, rows, length, unit


def draw(views: Sequence[memoryview], start: int, fills: Fills) -> None:
    """Write over what was read from `start` of the file on, into views one after the other."""
    for view in views:
        end = start + len(view)
        for fill in fills:
            begin, (frames, far), (rows, near), length, _ = fill
            if begin < end and start < begin + (frames - 1) * far + (rows - 1) * near + length:
                _draw(view, start, end, fill)
        start = end


def _draw(view: memoryview, start: int, end: int, fill: Fill) -> None:
    """Those runs, or parts of them, that lie from `start` on and before `end`."""
    begin, (frames, far), (rows, near), length, unit = fill
    span, whole = (rows - 1) * near + length, _repeated(unit, length) if length <= _SHORT else b""
    for frame in range(max(0, (start - begin - span) // far + 1), min(frames, (end - begin - 1) // far + 1)):
        at = begin + frame * far
        first, after = max(0, (start - at - length) // near + 1), min(rows, (end - at - 1) // near + 1)
        for run in range(at + first * near, at + after * near, near):
            if whole and start <= run and run + length <= end:
                view[run - start : run - start + length] = whole
            else:
                left, right = max(run, start), min(run + length, end)
                view[left - start : right - start] = _part(unit, left - run, right - left)


def _part(unit: bytes, skipped: int, length: int) -> bytes:
    """`length` bytes of the repeated unit, without the first `skipped`."""
    skipped %= len(unit)
    return (unit * ((skipped + length) // len(unit) + 1))[skipped : skipped + length]


@lru_cache(maxsize=32)
def _repeated(unit: bytes, length: int) -> bytes:
    """A whole run; the same is wanted for each row, and for each image."""
    return (unit * (length // len(unit) + 1))[:length]
