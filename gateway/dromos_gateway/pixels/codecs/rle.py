# SPDX-License-Identifier: Apache-2.0
"""RLE Lossless (PS3.5 Annex G): byte planes, most significant first, each row packed for itself."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

from dromos_gateway.pixels.codecs.coding import Coding, guarded
from dromos_gateway.pixels.elements import Buffer
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Raster, dtype
from dromos_gateway.pixels.outcome import Unfit

_HEADER = struct.Struct("<16L")


class Rle:
    """`coding.Codec` for RLE."""

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame; its segments are checked against the header first."""
        cells = dtype(image)
        _check_segments(stream, image.samples * cells.itemsize)
        unpacked = guarded("RLE", lambda: imagecodecs.dicomrle_decode(bytes(stream), cells.newbyteorder("<")))
        if len(unpacked) != image.frame_bytes:
            raise Unfit(f"an RLE frame has {len(unpacked)} bytes, the header says {image.frame_bytes}")
        flat = np.frombuffer(unpacked, cells, image.frame_bytes // cells.itemsize)
        if image.samples == 1:
            return flat.reshape(image.rows, image.columns)
        planes = flat.reshape(image.samples, image.rows, image.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """A frame's segments behind their header."""
        size = raster.dtype.itemsize
        planes = raster.view(np.uint8).reshape(coding.image.rows, coding.image.columns, coding.image.samples * size)
        segments = []
        for sample in range(coding.image.samples):
            for byte in range(size - 1, -1, -1):
                plane = np.ascontiguousarray(planes[:, :, sample * size + byte])
                packed = imagecodecs.packbits_encode(plane, axis=-1)
                segments.append(packed + b"\0" if len(packed) % 2 else packed)
        offsets, place = [0] * 15, _HEADER.size
        for index, segment in enumerate(segments):
            offsets[index] = place
            place += len(segment)
        return b"".join((_HEADER.pack(len(segments), *offsets), *segments))


def _check_segments(stream: Buffer, expected: int) -> None:
    if len(stream) < _HEADER.size:
        raise Unfit("an RLE frame is shorter than its header")
    count, *offsets = _HEADER.unpack_from(stream)
    if count != expected:
        raise Unfit(f"an RLE frame has {count} segments, the header says {expected}")
    used = offsets[:count]
    if used[0] != _HEADER.size or used != sorted(set(used)) or used[-1] >= len(stream):
        raise Unfit("the segments of an RLE frame lie elsewhere than its header says")
