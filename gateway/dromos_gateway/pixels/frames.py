# SPDX-License-Identifier: Apache-2.0
"""Frames on their way: decoded, drawn upon, encoded, checked; one at a time, whatever the size of the object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels import capability
from dromos_gateway.pixels.codecs.coding import Coding
from dromos_gateway.pixels.codecs.registry import codec
from dromos_gateway.pixels.codecs.streams import jpeg_2000_header, jpeg_header
from dromos_gateway.pixels.drawing import Drawing
from dromos_gateway.pixels.encapsulated import Encapsulated
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Native, Raster
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Pixels, Source

_LEAST_SIGNAL = 10 ** (15 / 10)  # to noise, 15 dB: less than any picture has, more than a codec's mistake leaves
_FORGET_AFTER = 16 << 20  # bytes of mapped file after which they are given back


class SpareBitsUsed(Exception):
    """Unused bits hold something, an overlay perhaps, that the syntax wanted would lose."""


@dataclass(slots=True)
class Frames:
    """The frames of a source, decoded in order. `image` is what they are once decoded."""

    source: Source
    pixels: Pixels
    image: Image
    drawing: Drawing | None = None
    keeps_ybr: bool = False
    masked: int = field(default=0, init=False)

    def __len__(self) -> int:
        return self.pixels.image.frames

    def stream(self, index: int) -> Buffer:
        """The code stream of a frame of encapsulated pixels."""
        assert isinstance(self.pixels.frames, Encapsulated)  # noqa: S101
        return self.pixels.frames.frame(index)

    def decoded(self, index: int) -> Raster:
        """A frame as it is."""
        if isinstance(self.pixels.frames, Native):
            return self.pixels.frames.raster(index)
        syntax = self.source.head.transfer_syntax_uid
        return codec(syntax, keeps_ybr=self.keeps_ybr).decode(self.stream(index), self.pixels.image)

    def drawn(self, index: int) -> Raster:
        """A frame as it shall be."""
        raster = self.decoded(index)
        if self.drawing is None or not self.drawing.rectangles:
            return raster
        self.masked += 1
        return self.drawing.on(raster)

    def __iter__(self) -> Iterator[int]:
        """The numbers of the frames; between them, memory of the mapped file is given back."""
        per_frame = max(1, (self.pixels.image.frame_bits + 7) // 8)
        every = max(1, _FORGET_AFTER // per_frame)
        for index in range(len(self)):
            yield index
            if index % every == every - 1:
                self.source.forget()


def native_blocks(frames: Frames) -> Iterator[Buffer]:
    """Decoded frames as native Pixel Data, colour by pixel."""
    for index in frames:
        raster = np.ascontiguousarray(frames.drawn(index))
        yield raster.tobytes()


def encoded_frames(frames: Frames, syntax: str) -> Iterator[bytes]:
    """Frames in another syntax. Lossless ones are decoded again and compared; `Unfit` when they differ."""
    image, lossy = frames.image, ts.KNOWN[syntax].lossy
    transform = image.photometric == "RGB" and ts.KNOWN[syntax].family is ts.Family.JPEG_2000
    coding = Coding(image, 0, not lossy, capability.QUALITY.get(syntax, 0.0), colour_transform=transform)
    whole_cells = ts.KNOWN[syntax].family is ts.Family.RLE
    for index in frames:
        raster = frames.drawn(index)
        spare = whole_cells or _spare_bits_used(raster, image)
        if spare and lossy:
            raise SpareBitsUsed
        precise = replace(coding, precision=capability.precision(syntax, image, spare_bits_used=spare))
        yield checked(syntax, raster, precise)


def masked_streams(frames: Frames, syntax: str) -> Iterator[Buffer]:
    """Frames masked in the syntax they come in; one that stays the same keeps its very bytes."""
    for index in frames:
        stream = frames.stream(index)
        raster = frames.decoded(index)
        assert frames.drawing is not None  # noqa: S101
        drawn = frames.drawing.on(raster)
        if equal(drawn, raster) and syntax != ts.JPEG_2000:  # its frames share one colour transform
            yield stream
            continue
        frames.masked += 1
        yield checked(syntax, drawn, _coding_like(bytes(stream), syntax, frames.image, drawn))


def checked(syntax: str, raster: Raster, coding: Coding) -> bytes:
    """Encode, and decode it again: nothing must be lost, or no more than allowed."""
    stream = codec(syntax).encode(raster, coding)
    again = codec(syntax, keeps_ybr=coding.image.photometric.startswith("YBR")).decode(stream, coding.image)
    if coding.lossless:
        same = equal(again, raster)
    elif ts.KNOWN[syntax].family is ts.Family.JPEG_LS:
        same = _differ_by(again, raster) <= int(coding.quality)
    else:
        same = _noise(again, raster) <= ((1 << coding.image.stored) - 1) ** 2 / _LEAST_SIGNAL
    if not same:
        raise Unfit(f"{ts.KNOWN[syntax].name} did not give back what was encoded", "VerificationFailed")
    return stream


def _coding_like(stream: bytes, syntax: str, image: Image, raster: Raster) -> Coding:
    """How a frame is encoded again: without loss where the syntax allows, else as coarsely as it was."""
    spare = _spare_bits_used(raster, image)
    precision = capability.precision(syntax, image, spare_bits_used=spare)
    family = ts.KNOWN[syntax].family
    if family is ts.Family.JPEG and ts.KNOWN[syntax].lossy:
        return Coding(image, jpeg_header(stream).precision, lossless=False, like=stream)
    transform = False
    if family is ts.Family.JPEG_2000:
        transform = jpeg_2000_header(stream).colour_transform
    return Coding(image, precision, lossless=True, colour_transform=transform)


def _spare_bits_used(raster: Raster, image: Image) -> bool:
    if not image.plain or image.stored == image.allocated or image.is_float:
        return not image.plain
    if image.signed:
        bound = 1 << (image.stored - 1)
        return bool(raster.min() < -bound or raster.max() >= bound)
    return bool(raster.max() >> image.stored)


def equal(one: Raster, other: Raster) -> bool:
    """Whether two frames are the same, bit by bit; eight bytes at a time where that can be."""
    if one.dtype == other.dtype and one.shape == other.shape and one.nbytes % 8 == 0:
        one, other = (np.ascontiguousarray(each).reshape(-1).view(np.uint64) for each in (one, other))
    return np.array_equal(one, other)


def _noise(one: Raster, other: Raster) -> float:
    """The mean square of the difference."""
    difference = np.subtract(one, other, dtype=np.float32)
    return float(np.mean(np.square(difference, out=difference), dtype=np.float64))


def _differ_by(one: Raster, other: Raster) -> int:
    return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())
