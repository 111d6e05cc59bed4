# SPDX-License-Identifier: Apache-2.0
"""Runs of a file that are something else when they are sent: rows of rectangles in each frame of an image, filled.

What is said of them is a few numbers, whatever the size of the image; the bytes are written over those that were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
            _, _, _, length, unit = fill
            for run in _runs(fill, start, end):
                first, last = max(run, start), min(run + length, end)
                view[first - start : last - start] = _part(unit, first - run, last - first)
        start = end


def _runs(fill: Fill, start: int, end: int) -> Iterator[int]:
    """Where those runs begin that have a byte from `start` on and before `end`."""
    begin, (frames, far), (rows, near), length, _ = fill
    span = (rows - 1) * near + length
    for frame in range(max(0, (start - begin - span) // far + 1), min(frames, (end - begin - 1) // far + 1)):
        at = begin + frame * far
        for row in range(max(0, (start - at - length) // near + 1), min(rows, (end - at - 1) // near + 1)):
            yield at + row * near


def _part(unit: bytes, skipped: int, length: int) -> bytes:
    """`length` bytes of the repeated unit, without the first `skipped`."""
    size = len(unit)
    skipped %= size
    return (unit * ((skipped + length + size - 1) // size))[skipped : skipped + length]
