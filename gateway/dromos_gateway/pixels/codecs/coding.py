# SPDX-License-Identifier: Apache-2.0
"""What all codecs share: the frame they are asked for, and the shape of their functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Raster, dtype
from dromos_gateway.pixels.outcome import Unfit


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames are to be encoded: the image they belong to, in the form in which it is encoded, and the knobs."""

    image: Image
    precision: int  # bits per sample in the code stream
    lossless: bool
    quality: float = 0.0  # JPEG: 1 to 100; JPEG-LS: the error allowed; JPEG 2000: signal-to-noise ratio in dB
    like: bytes = b""  # a code stream whose quantisation and subsampling are to be kept (lossy JPEG)
    colour_transform: bool = False  # RGB is decorrelated on the way (JPEG: to YBR_FULL_422, JPEG 2000: RCT or ICT)


class Codec(Protocol):
    """One way to code frames."""

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame as (rows, columns[, samples]), colour as `decoded_photometric` says. `Unfit` when it can't be."""

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """The code stream. `Unfit` when the codec refuses."""


def check_size(what: str, found: tuple[int, int, int], image: Image) -> None:
    """Compare (rows, columns, samples) of a code stream with the header's, before anything is allocated for it."""
    if found != (image.rows, image.columns, image.samples):
        raise Unfit(
            f"the {what} stream is {found[0]} by {found[1]} by {found[2]}, "
            f"the header says {image.rows} by {image.columns} by {image.samples}"
        )


def guarded(what: str, work: Callable[[], Any]) -> Any:
    """Run a library; whatever it complains of, the frame is at fault. The text of its complaint may quote data."""
    try:
        return work()
    except (MemoryError, Unfit):
        raise
    except Exception as error:
        raise Unfit(f"the {what} codec refuses a frame ({type(error).__name__})") from None


def as_cells(decoded: Raster, image: Image, precision: int) -> Raster:
    """Decoded samples of `precision` bits in the type the header asks for, sign extended where it says signed."""
    cells = dtype(image)
    if precision > cells.itemsize * 8:
        raise Unfit(f"the code stream has {precision} bits per sample, BitsAllocated is {image.allocated}")
    if decoded.dtype.kind == cells.kind or (cells.kind == "i" and precision == cells.itemsize * 8):
        wide = decoded.astype(cells, copy=False)
    elif cells.kind == "u":  # a signed code stream, an unsigned header: the bits count
        wide = decoded.astype(cells) & cells.type((1 << precision) - 1)
    else:
        shift = np.array(cells.itemsize * 8 - min(precision, image.stored)).astype(cells)
        wide = np.left_shift(decoded.astype(cells), shift) >> shift
    return wide.reshape((image.rows, image.columns) + ((image.samples,) if image.samples > 1 else ()))


def within_depth(decoded: Raster, image: Image, by: int) -> Raster:
    """Samples of a lossy stream that came out above what BitsStored can say, cut to it: in native pixels they would
    lie in bits that are none of theirs. Loss raises them `by` that much at most, so what is higher was meant: then the
    header is wrong, not the samples, and they stay.
    """
    most = (1 << image.stored) - 1
    if image.signed or not image.plain or image.stored >= decoded.dtype.itemsize * 8:
        return decoded
    if not most < int(decoded.max()) <= most + by:
        return decoded
    within: Raster = np.minimum(decoded, decoded.dtype.type(most))
    return within


def as_pattern(raster: Raster, precision: int) -> Raster:
    """Samples as unsigned numbers of `precision` bits, for codecs that know no sign."""
    bits = raster.dtype.itemsize * 8
    pattern = raster.view(f"u{raster.dtype.itemsize}")
    if precision < bits:
        pattern = pattern & pattern.dtype.type((1 << precision) - 1)
    return pattern.astype(np.uint8 if precision <= 8 else np.uint16, copy=False)
