# SPDX-License-Identifier: Apache-2.0
"""Masks drawn where native pixels lie in a file: rows of frames are read and written, nothing else is touched.

`patching` does the same to an object that lies in no file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Rectangle
from dromos_gateway.header.output import write_at
from dromos_gateway.pixels.drawing import Drawing, fill_native
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Native

_BLOCK = 4 << 20
_AS_THEY_LIE = frozenset((ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_BIG_ENDIAN))


def can_draw_over(syntax: str, native: Native) -> bool:
    """Whether a row is a run of whole cells in the file: not deflated, no single bits, no swapped pairs."""
    return syntax in _AS_THEY_LIE and native.image.allocated >= 8 and not native.words


def draw_over(path: Path, data_set: int, native: Native, drawing: Drawing) -> None:
    """Fill the rectangles in every frame of the file, whose data set with native pixels is at `data_set`. OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for place, rows, part in bands(native, drawing):
            _fill(fd, data_set + place, rows, native.order, part)
    finally:
        os.close(fd)


def bands(native: Native, drawing: Drawing) -> Iterator[tuple[int, Image, Drawing]]:
    """The rows of each rectangle in every frame, some at a time: where they begin in the data set, and what they are as
    an image of their own. Colour by plane has such rows in each plane.
    """
    image = native.image
    for place, rows, part in _in_a_frame(image, drawing):
        for frame in range(image.frames):
            yield native.start + frame * image.frame_bits // 8 + place, rows, part


def _in_a_frame(image: Image, drawing: Drawing) -> Iterator[tuple[int, Image, Drawing]]:
    by_plane = image.planar and image.samples > 1
    parts = [(value,) for value in drawing.values] if by_plane else [drawing.values]
    one = replace(image, frames=1)
    if by_plane:
        one = replace(one, samples=1, photometric="MONOCHROME2", planar=False)
    row = one.frame_bits // one.rows // 8
    most = max(1, _BLOCK // row)
    for (plane, values), box in product(enumerate(parts), drawing.rectangles):
        for y in range(box.y, box.y + box.height, most):
            height = min(most, box.y + box.height - y)
            inside = Rectangle(box.x, 0, box.width, height)
            yield (plane * image.rows + y) * row, replace(one, rows=height), Drawing((inside,), values)


def _fill(fd: int, offset: int, rows: Image, order: str, part: Drawing) -> None:
    block = bytearray(os.pread(fd, rows.frame_bits // 8, offset))
    fill_native(memoryview(block), rows, order, 0, 1, part)
    write_at(fd, block, offset)
