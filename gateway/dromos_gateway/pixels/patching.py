# SPDX-License-Identifier: Apache-2.0
"""Masks of native pixels as patches: a few rows are drawn in memory, the others stay where they lie."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path

from dromos_crds.masks import Mask
from dromos_gateway.dimse.part10 import parse_head
from dromos_gateway.dimse.patchwork import Patchwork
from dromos_gateway.header.encoding import encoding_of
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.indexing import index
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.pixels.describing import Description
from dromos_gateway.pixels.drawing import Drawing, fill_native, plan_drawing
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Native
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.overdrawing import bands, can_draw_over
from dromos_gateway.pixels.source import Source, pixel_element

Band = tuple[int, Image, str, Drawing]  # where rows begin in the data set, the rows, their byte order, what is drawn


def mask_patches(path: Path, patches: Patchwork, mask: Mask, most: int) -> Patchwork:
    """The patches of a changed header, its bytes and the pixels' range (or their bytes too), with those of a mask.

    None of them where that takes more than `most` new bytes, or another way than drawing over native pixels: then
    somebody writes a file and does it there, or says why it can't be done. OSError.
    """
    front, rest = patches[0], patches[1:]
    if not isinstance(front, bytes) or len(rest) > 1 or any(isinstance(each, bytes) for each in rest):
        return ()
    start, stop = rest[0] if rest else (0, 0)
    with path.open("rb", buffering=0) as file:
        try:
            source = _opened(front, start, stop, file)
            drawn = _bands(source, mask)
        except (Unfit, MalformedDataSet):
            return ()
        if not drawn:
            return ()
        if not rest:
            return (_drawn_in_memory(front, source, drawn),)
        spans = _united((at, at + rows.frame_bits // 8) for at, rows, _, _ in drawn)
        if len(front) + sum(end - begin for begin, end in spans) > most:
            return ()
        return (front, *_drawn(file.fileno(), source.start, spans, drawn, (start, stop)))


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


def _bands(source: Source, mask: Mask) -> list[Band] | None:
    """What is drawn where; None where it is not native pixels that are drawn over."""
    pixels = source.pixels
    native, image, syntax = pixels.frames, pixels.image, source.head.transfer_syntax_uid
    if not isinstance(native, Native) or not can_draw_over(syntax, native):
        return None
    drawing = plan_drawing(mask, image, source)
    description = Description.of(source)
    description.pixels_are(image)
    if description.edits:
        return None
    return [(place, rows, native.order, part) for place, rows, part in bands(native, drawing)]


def _drawn_in_memory(front: bytes, source: Source, drawn: list[Band]) -> bytes:
    block = bytearray(front)
    data_set = memoryview(block)[source.head.data_set_offset :]
    for place, rows, order, part in drawn:
        fill_native(data_set[place : place + rows.frame_bits // 8], rows, order, 0, 1, part)
    return bytes(block)


def _united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans without overlaps, in order."""
    united: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if united and begin <= united[-1][1]:
            united[-1] = united[-1][0], max(end, united[-1][1])
        else:
            united.append((begin, end))
    return united


def _drawn(
    descriptor: int, origin: int, spans: list[tuple[int, int]], drawn: list[Band], pixels: tuple[int, int]
) -> Iterator[bytes | tuple[int, int]]:
    """The pixels' range of the file with the spans in memory; `origin` is where the data set would begin in it."""
    at, begins = pixels[0], [begin for begin, _ in spans]
    within: list[list[Band]] = [[] for _ in spans]
    for band in drawn:
        within[bisect_right(begins, band[0]) - 1].append(band)
    for (begin, end), here in zip(spans, within, strict=True):
        block = bytearray(os.pread(descriptor, end - begin, origin + begin))
        if len(block) != end - begin:
            raise EOFError("the original ended before its pixels")
        for place, rows, order, part in here:
            fill_native(memoryview(block)[place - begin :][: rows.frame_bits // 8], rows, order, 0, 1, part)
        if origin + begin > at:
            yield at, origin + begin
        yield bytes(block)
        at = origin + end
    if pixels[1] > at:
        yield at, pixels[1]
