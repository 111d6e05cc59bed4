# SPDX-License-Identifier: Apache-2.0
"""Frames of native Pixel Data (PS3.5 8.1): cells in a row, and the same as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.outcome import Unfit

Buffer: TypeAlias = bytes | memoryview
Raster: TypeAlias = NDArray[Any]  # (rows, columns) or (rows, columns, samples)


@dataclass(frozen=True, slots=True)
class Native:
    """The frames of native Pixel Data whose value is `data[start:end]`."""

    data: Buffer
    start: int
    end: int
    image: Image
    order: str = "<"
    words: bool = False  # big endian OW of 8-bit cells: pairs are swapped

    def __post_init__(self) -> None:
        image = self.image
        if image.subsampled and (image.allocated != 8 or image.columns % 2):  # compressed it may be so
            raise Unfit(f"{image.photometric} with {image.allocated} bits and {image.columns} columns")
        expected, found = self.image.native_bytes, self.end - self.start
        if found not in (expected, expected + expected % 2):
            raise Unfit(f"Pixel Data has {found} bytes; Rows, Columns and the like say {expected}")

    def __len__(self) -> int:
        return self.image.frames

    def raster(self, index: int) -> Raster:
        """A frame as an array, colour by pixel, subsampling undone."""
        image = self.image
        if image.allocated == 1:
            return self._single_bits(index)
        size = image.frame_bits // 8
        place = self.start + index * size
        if self.words:
            flat = self._swapped_bytes(place, size)
        else:
            flat = np.frombuffer(self.data, dtype(image, self.order), image.frame_bits // image.allocated, place)
        if self.order == ">":
            flat = flat.astype(flat.dtype.newbyteorder("<"))
        if image.subsampled:
            return _upsampled(flat, image)
        return shaped(flat, image)

    def _single_bits(self, index: int) -> Raster:
        first = index * self.image.frame_bits
        start, skip = self.start + first // 8, first % 8
        count = self.image.frame_bits
        size = (skip + count + 7) // 8
        packed = self._swapped_bytes(start, size) if self.words else np.frombuffer(self.data, np.uint8, size, start)
        return shaped(np.unpackbits(packed, bitorder="little")[skip : skip + count], self.image)

    def _swapped_bytes(self, place: int, size: int) -> Raster:
        """Bytes of a frame from a big-endian word stream; a frame may begin in the middle of a word."""
        shift = (place - self.start) % 2
        begin = place - shift
        whole = (shift + size + 1) // 2
        pairs = np.frombuffer(self.data, ">u2", whole, begin).astype("<u2").view(np.uint8)
        return pairs[shift : shift + size]


def dtype(image: Image, order: str = "<") -> np.dtype[Any]:
    """The type of a cell."""
    if image.is_float:
        return np.dtype(f"{order}f{image.allocated // 8}")
    return np.dtype(f"{order}{'i' if image.signed else 'u'}{max(image.allocated, 8) // 8}")


def shaped(flat: Raster, image: Image) -> Raster:
    """Cells in a row as rows and columns, colour by pixel."""
    if image.samples == 1:
        return flat.reshape(image.rows, image.columns)
    if image.planar:
        return np.ascontiguousarray(flat.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0))
    return flat.reshape(image.rows, image.columns, image.samples)


def _upsampled(flat: Raster, image: Image) -> Raster:
    """Y1 Y2 Cb Cr for two pixels (PS3.3 C.7.6.3.1.2) as YBR_FULL."""
    pairs = flat.reshape(image.rows, image.columns // 2, 4)
    full = np.empty((image.rows, image.columns, 3), flat.dtype)
    full[:, 0::2, 0] = pairs[:, :, 0]
    full[:, 1::2, 0] = pairs[:, :, 1]
    for sample in (1, 2):
        full[:, 0::2, sample] = full[:, 1::2, sample] = pairs[:, :, sample + 1]
    return full
