# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless (PS3.5 Annex G): byte planes, most significant first, each row packed for itself."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np

from dromos_gateway.pixels.codecs.coding import Coding, guarded
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Raster, dtype
from dromos_gateway.pixels.outcome import Unfit

_HEADER = struct.Struct("<16L")
_unpack: Any = imagecodecs.packbits_decode  # takes any buffer, and more than its stub says


class Rle:
    """`coding.Codec` for RLE."""

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame; its segments are checked against the header first."""
        cells = dtype(image)
        segments = _segments(stream, image.samples * cells.itemsize)
        samples = [
            _joined(segments[first : first + cells.itemsize], image, np.dtype(f"u{cells.itemsize}"))
            for first in range(0, len(segments), cells.itemsize)
        ]
        if image.samples == 1:
            return samples[0].view(cells)
        return np.stack(samples, axis=-1).view(cells)

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """A frame's segments behind their header."""
        size = raster.dtype.itemsize
        cells = raster.view(f"u{size}").reshape(coding.image.rows, coding.image.columns, coding.image.samples)
        segments = []
        for sample in range(coding.image.samples):
            values = np.ascontiguousarray(cells[:, :, sample])
            for byte in range(size - 1, -1, -1):
                # shifted and cut to a byte, which numpy does five times as fast as picking bytes out of cells
                plane = (values >> 8 * byte if byte else values).astype(np.uint8)
                packed = imagecodecs.packbits_encode(plane, axis=-1)
                segments.append(packed + b"\0" if len(packed) % 2 else packed)
        offsets, place = [0] * 15, _HEADER.size
        for index, segment in enumerate(segments):
            offsets[index] = place
            place += len(segment)
        return b"".join((_HEADER.pack(len(segments), *offsets), *segments))


def _joined(segments: Sequence[Buffer], image: Image, cells: np.dtype[Any]) -> Raster:
    """One sample of all pixels, from the planes of its bytes."""
    planes = [_unpacked(segment, image) for segment in segments]
    joined = planes[0].astype(cells)
    for plane in planes[1:]:
        joined <<= 8
        joined |= plane
    return joined.reshape(image.rows, image.columns)


def _unpacked(segment: Buffer, image: Image) -> Raster:
    plane = np.empty(image.rows * image.columns, np.uint8)
    unpacked = guarded("RLE", lambda: _unpack(segment, out=plane))
    if len(unpacked) != len(plane):
        raise Unfit(f"a segment of an RLE frame has {len(unpacked)} bytes, the header says {len(plane)}")
    return plane


def _segments(stream: Buffer, expected: int) -> list[Buffer]:
    if len(stream) < _HEADER.size:
        raise Unfit("an RLE frame is shorter than its header")
    count, *offsets = _HEADER.unpack_from(stream)
    if count != expected:
        raise Unfit(f"an RLE frame has {count} segments, the header says {expected}")
    used = offsets[:count]
    if used[0] != _HEADER.size or used != sorted(set(used)) or used[-1] >= len(stream):
        raise Unfit("the segments of an RLE frame lie elsewhere than its header says")
    view = memoryview(stream)  # slices of it copy nothing
    return [view[start:end] for start, end in pairwise([*used, len(stream)])]
