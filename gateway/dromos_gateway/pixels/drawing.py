# SPDX-License-Identifier: Apache-2.0
"""Filling rectangles: in decoded frames, and in native Pixel Data where it lies."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dromos_crds.masks import Colour, Mask, Rectangle
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Raster, dtype
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.segmented import expanded
from dromos_gateway.pixels.source import Source

_CANNOT = "PixelsCannotBeMasked"
_TOTAL_COLUMNS, _TOTAL_ROWS = 0x00480006, 0x00480007  # of the Total Pixel Matrix
_DESCRIPTORS = 0x00281101, 0x00281102, 0x00281103
_TABLES, _SEGMENTS = (0x00281201, 0x00281202, 0x00281203), (0x00281221, 0x00281222, 0x00281223)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rectangles within the image, and what each sample is filled with."""

    rectangles: tuple[Rectangle, ...]
    values: tuple[float, ...]

    def on(self, raster: Raster) -> Raster:
        """A copy of a decoded frame with the rectangles filled."""
        drawn = raster.copy()
        for box in self.rectangles:
            drawn[box.y : box.y + box.height, box.x : box.x + box.width] = self.values
        return drawn


def plan_drawing(mask: Mask, image: Image, source: Source) -> Drawing:
    """What a mask means for an image in the photometric interpretation given. `Unfit` when it has no such colour, and
    when it hides nothing: the image must not pass for a clean one then."""
    inside = clipped(mask.rectangles, image)
    if not inside:
        raise Unfit("its pixels may show text, and its mask lies wholly outside of them", "NoMatchingMask")
    if _is_tiled(image, source) and inside != mask.rectangles:
        raise Unfit("its frames are tiles, and its mask goes beyond one: which of them are meant?", _CANNOT)
    return Drawing(inside, _values(mask.colour, image, source))


def _is_tiled(image: Image, source: Source) -> bool:
    """Whether frames are parts of one larger image. Rectangles within one of them hide what is meant either way."""
    for tag, size in ((_TOTAL_COLUMNS, image.columns), (_TOTAL_ROWS, image.rows)):
        value = source.value(tag)
        if value is not None and len(value) >= 4 and struct.unpack_from(source.encoding.order + "L", value)[0] > size:
            return True
    return False


def clipped(rectangles: Sequence[Rectangle], image: Image, row: int = 0, column: int = 0) -> tuple[Rectangle, ...]:
    """What of rectangles is within an image whose first pixel is at that row and column, as this one counts."""
    inside = []
    for box in rectangles:
        left, top = max(box.x - column, 0), max(box.y - row, 0)
        right, bottom = min(box.x - column + box.width, image.columns), min(box.y - row + box.height, image.rows)
        if right > left and bottom > top:
            inside.append(Rectangle(left, top, right - left, bottom - top))
    return tuple(inside)


def _values(colour: Colour, image: Image, source: Source) -> tuple[float, ...]:
    if image.photometric.startswith("MONOCHROME"):
        return (_grey(colour, image),)
    if image.photometric == "PALETTE COLOR":
        return (_nearest(colour, image, source),)
    if image.photometric == "RGB":
        return tuple(_scaled(part / 255, image) for part in (colour.red, colour.green, colour.blue))
    if image.photometric in ("YBR_FULL", "YBR_FULL_422"):
        luma, blue, red = ybr(colour)
        return _scaled(luma / 255, image), _chroma(blue, image), _chroma(red, image)
    raise Unfit(f"no mask can be drawn in {image.photometric}", _CANNOT)


def ybr(colour: Colour) -> tuple[float, float, float]:
    """YBR_FULL of a colour (PS3.3 C.7.6.3.1.2), 0 to 255."""
    red, green, blue = colour.red, colour.green, colour.blue
    return (
        0.2990 * red + 0.5870 * green + 0.1140 * blue,
        min(255.0, -0.1687 * red - 0.3313 * green + 0.5 * blue + 128),
        min(255.0, 0.5 * red - 0.4187 * green - 0.0813 * blue + 128),
    )


def _grey(colour: Colour, image: Image) -> float:
    light = ybr(colour)[0] / 255
    return _scaled(1 - light if image.photometric == "MONOCHROME1" else light, image)


def _scaled(share: float, image: Image) -> float:
    """A share of the range that stored bits have; black is the lowest value there is."""
    if image.is_float:
        return share
    lowest = -(1 << (image.stored - 1)) if image.signed else 0
    most = (1 << image.stored) - 1
    return (lowest + min(most, round(share * most))) << _shift(image)


def _chroma(part: float, image: Image) -> float:
    """Chrominance counts from the middle of the range, which is 128 of 256 and no share of the greatest value."""
    middle = 0 if image.signed else 1 << (image.stored - 1)
    return (middle + round((part - 128) / 255 * ((1 << image.stored) - 1))) << _shift(image)


def _shift(image: Image) -> int:
    return image.high_bit + 1 - image.stored


def _nearest(colour: Colour, image: Image, source: Source) -> float:
    """The palette index whose colour is nearest, of those that a pixel can say."""
    first, colours = palette(source)
    least = -(1 << (image.stored - 1)) if image.signed else 0
    if image.signed and first >= 1 << 15:
        first -= 1 << 16
    most = least + (1 << image.stored) - 1
    usable = colours[max(0, least - first) : max(0, most + 1 - first)]
    if not len(usable):
        raise Unfit("its palette goes beyond what its pixels can name", _CANNOT)
    wanted = np.array([colour.red, colour.green, colour.blue], np.int64)
    index = max(first, least) + int(((usable - wanted) ** 2).sum(axis=1).argmin())
    return index << _shift(image)


def palette(source: Source) -> tuple[int, Raster]:
    """The first index and the colours (entries, 3) in 8 bits (PS3.3 C.7.6.3.1.5). `Unfit` when it is absent or lies."""
    parts, first, order = [], 0, source.encoding.order
    for descriptor_tag, table_tag, segments_tag in zip(_DESCRIPTORS, _TABLES, _SEGMENTS, strict=True):
        descriptor, table, segments = (source.value(tag) for tag in (descriptor_tag, table_tag, segments_tag))
        if descriptor is None or len(descriptor) < 6 or not (table or segments):
            raise Unfit("its palette is absent: no colour can be chosen", _CANNOT)
        count, first, bits = struct.unpack(order + "HHH", bytes(descriptor[:6]))
        if table:
            parts.append(_table(bytes(table), count or 65536, bits, order))
        elif bits == 16:
            parts.append(expanded(bytes(segments or b""), count or 65536, order) >> 8)
        else:
            raise Unfit("its palette is segmented, and not of 16 bits", _CANNOT)
    if len({len(part) for part in parts}) != 1:
        raise Unfit("its palettes are of different length", _CANNOT)
    return first, np.stack(parts, axis=1)


def _table(table: bytes, count: int, bits: int, order: str) -> Raster:
    """The entries of a palette in 8 bits."""
    if bits == 8 and len(table) in (count, count + count % 2):
        return np.frombuffer(table, np.uint8, count).astype(np.int64)
    if bits in (8, 16) and len(table) == 2 * count:
        entries = np.frombuffer(table, order + "u2").astype(np.int64)
        return entries >> 8 if bits == 16 else entries
    raise Unfit("its palette is not as long as it says", _CANNOT)


def fill_native(region: memoryview, image: Image, order: str, first: int, count: int, drawing: Drawing) -> None:
    """Draw into frames `first` to `first + count` of native Pixel Data, which begins with `region` and is writable.

    Two pixels that share their chrominance are filled together.
    """
    if image.allocated == 1:
        for frame in range(first, first + count):
            _fill_bits(region, image, frame, drawing)
        return
    size = image.frame_bits // 8
    cells = np.frombuffer(region, dtype(image, order), count * image.frame_bits // image.allocated, first * size)
    if image.subsampled:
        pairs = cells.reshape(count, image.rows, image.columns // 2, 4)
        luma, blue, red = drawing.values
        for box in drawing.rectangles:
            columns = slice(box.x // 2, (box.x + box.width + 1) // 2)
            pairs[:, box.y : box.y + box.height, columns] = (luma, luma, blue, red)
    elif image.planar and image.samples > 1:
        planes = cells.reshape(count, image.samples, image.rows, image.columns)
        for box in drawing.rectangles:
            for sample, value in enumerate(drawing.values):
                planes[:, sample, box.y : box.y + box.height, box.x : box.x + box.width] = value
    else:
        pixels = cells.reshape(count, image.rows, image.columns, image.samples)
        for box in drawing.rectangles:
            pixels[:, box.y : box.y + box.height, box.x : box.x + box.width] = drawing.values


def _fill_bits(region: memoryview, image: Image, frame: int, drawing: Drawing) -> None:
    begin = frame * image.frame_bits
    start, skip = begin // 8, begin % 8
    packed = np.frombuffer(region, np.uint8, (skip + image.frame_bits + 7) // 8, start)
    bits = np.unpackbits(packed, bitorder="little")
    plane = bits[skip : skip + image.frame_bits].reshape(image.rows, image.columns)
    for box in drawing.rectangles:
        plane[box.y : box.y + box.height, box.x : box.x + box.width] = drawing.values[0]
    packed[:] = np.packbits(bits, bitorder="little")
