# SPDX-License-Identifier: Apache-2.0
"""Overlay planes (PS3.3 C.9.2), which viewers draw over the image: nothing of them is to be seen where a mask hides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dromos_crds.masks import Rectangle
from dromos_gateway.pixels.drawing import Drawing, clipped, fill_native
from dromos_gateway.pixels.header import Edits
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Source

_GROUPS = range(0x6000, 0x6100, 2)
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _DATA = 0x0010, 0x0011, 0x0015, 0x0050, 0x3000


def cleared(source: Source, rectangles: Sequence[Rectangle]) -> Edits:
    """Overlay Data with nothing in the rectangles, where there was something. `Unfit` when it is not what it says."""
    edits: dict[int, tuple[bytes, bytes] | None] = {}
    for group in (tag >> 16 for tag in source.places if tag & 0xFFFF == _DATA and tag >> 16 in _GROUPS):
        tag = group << 16 | _DATA
        vr = source.places[tag][0]
        before = bytes(source.value(tag) or b"")
        if source.encoding.big_endian and vr == b"OW":
            before = np.frombuffer(before, np.uint16).byteswap().tobytes()
        plane = _plane(source, group << 16, len(before))
        region = bytearray(before.ljust(plane.native_bytes, b"\0"))
        boxes = clipped(rectangles, plane, *_origin(source, group << 16))
        if boxes and plane.frames:
            fill_native(memoryview(region), plane, "<", 0, plane.frames, Drawing(boxes, (0,)))
        if (after := bytes(region[: len(before)])) != before:
            edits[tag] = (b"OB" if vr == b"OB" else b"OW", after)
    return edits


def _plane(source: Source, group: int, size: int) -> Image:
    rows, columns = source.number(group | _ROWS) or 0, source.number(group | _COLUMNS) or 0
    frames = (source.text(group | _FRAMES) or "1").strip()
    # Some are short by a few bits: there is nothing in those.
    if not frames.isascii() or not frames.isdigit() or rows * columns * int(frames) > 8 * size + columns:
        raise Unfit("an overlay is not as long as it says", "PixelsCannotBeMasked")
    return Image(rows, columns, 1, "MONOCHROME2", 1, 1, frames=int(frames))


def _origin(source: Source, group: int) -> tuple[int, int]:
    """Row and column of the image at which an overlay begins, counted from 0."""
    value = bytes(source.value(group | _ORIGIN) or b"")
    if len(value) < 4:
        return 0, 0
    row, column = np.frombuffer(value[:4], source.encoding.order + "i2").astype(int) - 1
    return int(row), int(column)
