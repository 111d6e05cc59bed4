# SPDX-License-Identifier: Apache-2.0
"""Masks drawn where native pixels lie in a file: rows of frames are read and written, nothing else is touched.

`patching` says the same of an object that lies in no file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Rectangle
from dromos_gateway.dimse.filling import Fill, draw, rows_filled
from dromos_gateway.header.output import write_at
from dromos_gateway.pixels.drawing import Drawing
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Native, dtype

_BLOCK = 4 << 20
_AS_THEY_LIE = frozenset((ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_BIG_ENDIAN))


def can_draw_over(syntax: str, native: Native) -> bool:
    """Whether a row is a run of whole cells in the file: not deflated, no single bits, no swapped pairs."""
    return syntax in _AS_THEY_LIE and native.image.allocated >= 8 and not native.words


def draw_over(path: Path, data_set: int, native: Native, drawing: Drawing) -> None:
    """Fill the rectangles in every frame of the file, whose data set with native pixels is at `data_set`. OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for fill in fills_of(native, drawing, data_set + native.start):
            _fill(fd, fill)
    finally:
        os.close(fd)


def fills_of(native: Native, drawing: Drawing, begin: int) -> Iterator[Fill]:
    """The rectangles in every frame of native pixels that begin at `begin`. Colour by plane has them in each plane."""
    image, cells = native.image, dtype(native.image, native.order)
    values = [np.array(value, cells).tobytes() for value in drawing.values]
    by_plane = image.planar and image.samples > 1
    row = image.frame_bits // 8 // image.rows // (image.samples if by_plane else 1)
    units = values if by_plane else [b"".join([values[0], *values] if image.subsampled else values)]
    for box in drawing.rectangles:
        first, after = _along(box, image, len(units[0]))
        for plane, unit in enumerate(units):
            at = begin + (plane * image.rows + box.y) * row + first
            yield rows_filled(at, (image.frames, image.frame_bits // 8), (box.height, row), after - first, unit)


def _along(box: Rectangle, image: Image, unit: int) -> tuple[int, int]:
    """Where a rectangle begins in a row, and where it ends, in bytes; of pairs that share their chrominance, both."""
    if image.subsampled:
        return box.x // 2 * unit, (box.x + box.width + 1) // 2 * unit
    return box.x * unit, (box.x + box.width) * unit


def _fill(fd: int, fill: Fill) -> None:
    begin, (frames, far), (rows, near), length, _ = fill
    for frame in range(frames):
        first = begin + frame * far
        end = first + (rows - 1) * near + length
        for at in range(first, end, _BLOCK):
            block = bytearray(os.pread(fd, min(_BLOCK, end - at), at))
            draw([memoryview(block)], at, (fill,))
            write_at(fd, block, at)
