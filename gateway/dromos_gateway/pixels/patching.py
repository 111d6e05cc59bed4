# SPDX-License-Identifier: Apache-2.0
"""Masks of native pixels as patches: what is filled is said in a few numbers, the pixels stay where they lie."""

from __future__ import annotations

from io import FileIO
from pathlib import Path

from dromos_crds.masks import Mask
from dromos_gateway.dimse.filling import Fills, draw
from dromos_gateway.dimse.part10 import parse_head
from dromos_gateway.dimse.patchwork import Patchwork
from dromos_gateway.header.encoding import encoding_of
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.indexing import index
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.pixels.describing import Description
from dromos_gateway.pixels.drawing import plan_drawing
from dromos_gateway.pixels.native import Native
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.overdrawing import can_draw_over, fills_of
from dromos_gateway.pixels.source import Source, pixel_element

_MOST_FILLS = 100  # each is looked at for each piece that is sent


def mask_patches(path: Path, patches: Patchwork, mask: Mask) -> Patchwork:
    """The patches of a changed header, its bytes and the pixels' range (or their bytes too), with a mask over them.

    None of them where that takes another way than filling rows of native pixels: then somebody writes a file and does
    it there, or says why it can't be done. OSError.
    """
    front, rest = patches[0], patches[1:]
    if not isinstance(front, bytes) or len(rest) > 1 or any(isinstance(each, bytes) for each in rest):
        return ()
    start, stop = rest[0][:2] if rest else (0, 0)
    with path.open("rb", buffering=0) as file:
        try:
            source = _opened(front, start, stop, file)
            fills = _fills(source, mask)
        except (Unfit, MalformedDataSet):
            return ()
    if not 0 < len(fills) <= _MOST_FILLS:
        return ()
    if not rest:
        return (_filled(front, source, fills),)
    return front, (start, stop, fills)


def _opened(front: bytes, start: int, stop: int, file: FileIO) -> Source:
    """The object as if it lay in a file: what is new in memory, and from the pixels' value on in the original.

    Of a small one all of it is new, the pixels too.
    """
    head = parse_head(front)
    if not (head.sop_class_uid + head.sop_instance_uid + head.transfer_syntax_uid).isascii():
        raise Unfit("the file meta information has UIDs that are none", "NotADicomFile")
    new, encoding = front[head.data_set_offset :], encoding_of(head.transfer_syntax_uid)
    data_set = DataSet(new, end=len(new) + stop - start)
    places = dict(index(data_set, encoding).items())
    pixel = pixel_element(data_set, encoding, places)
    if pixel is None or pixel.value + (pixel.length if start == stop else 0) != len(new):
        raise Unfit("the pixels do not begin, or end, where what is new ends")
    return Source(head, file, data_set, new, start - len(new), encoding, places, pixel, None)


def _fills(source: Source, mask: Mask) -> Fills:
    """What is filled where, counted as `source.start` counts; none where native pixels are not all there is to it."""
    pixels = source.pixels
    native, image, syntax = pixels.frames, pixels.image, source.head.transfer_syntax_uid
    if not isinstance(native, Native) or not can_draw_over(syntax, native):
        return ()
    drawing = plan_drawing(mask, image, source)
    description = Description.of(source)
    description.pixels_are(image)
    description.hidden(drawing.rectangles)
    if description.edits:
        return ()
    return tuple(fills_of(native, drawing, source.start + native.start))


def _filled(front: bytes, source: Source, fills: Fills) -> bytes:
    block = bytearray(front)
    draw([memoryview(block)[source.head.data_set_offset :]], source.start, fills)
    return bytes(block)
