# SPDX-License-Identifier: Apache-2.0
"""JPEG (T.81) with libjpeg-turbo 3: baseline and extended with 8 and 12 bits, lossless with 2 to 16."""

from __future__ import annotations

import io
from collections.abc import Callable

import imagecodecs
import numpy as np
from PIL import Image as Pillow

from dromos_gateway.pixels.codecs.coding import Coding, as_cells, as_pattern, check_size, guarded, within_depth
from dromos_gateway.pixels.codecs.streams import SOF_JPEG_LS, SOF_LOSSLESS, JpegHeader, jpeg_header
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Raster
from dromos_gateway.pixels.outcome import Unfit

_SOI_ADOBE = b"\xff\xd8\xff\xee\x00\x0eAdobe"
_SCAN_OF_RGB = b"\xff\xda\x00\x0c\x03R\x00G\x00B\x00"
_RINGING = 4  # edges that ring beyond their range do so by less than this part of it
_SUBSAMPLING = {"444": 0, "422": 1, "420": 2}  # Pillow's numbers


class Jpeg:
    """`coding.Codec` for lossy JPEG and JPEG Lossless. Lossy YCbCr is decoded to RGB, or left as it is on request."""

    def __init__(self, *, lossy: bool, keeps_ybr: bool = False) -> None:
        self._lossy = lossy
        self._keeps_ybr = keeps_ybr

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame in the header's cells."""
        header = jpeg_header(stream)
        check_size("JPEG", header.size, image)
        if header.process == SOF_JPEG_LS or (header.process == SOF_LOSSLESS) is self._lossy:
            raise Unfit("a frame is coded otherwise than its transfer syntax says")
        if image.signed and header.process != SOF_LOSSLESS:
            raise Unfit("lossy JPEG of signed pixels")
        source: str | None = "rgb"
        result: str | None = "rgb"
        if header.holds_ybr(image.photometric) and header.process != SOF_LOSSLESS:
            source, result = "ycbcr", "ycbcr" if self._keeps_ybr else "rgb"
        if image.samples == 1:
            source = result = None
        decoded = guarded(
            "JPEG", lambda: imagecodecs.jpeg8_decode(bytes(stream), colorspace=source, outcolorspace=result)
        )
        cells = as_cells(decoded, image, header.precision)
        return within_depth(cells, image, (1 << image.stored) // _RINGING) if self._lossy else cells

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """Lossless with the first predictor, like another stream, or of the quality wanted."""
        if coding.lossless:
            return self._encode_lossless(raster, coding)
        pattern = as_pattern(raster, coding.precision)
        if coding.like:
            return _encode_like(pattern, coding)
        if coding.precision > 8:
            return _encode_12_bits(pattern, coding.quality)
        level = int(coding.quality)
        if coding.image.samples == 1:
            return _bytes(lambda: imagecodecs.jpeg8_encode(pattern, level=level))
        space = "ycbcr" if coding.image.photometric.startswith("YBR") else "rgb"
        return _bytes(
            lambda: imagecodecs.jpeg8_encode(
                pattern, level=level, colorspace=space, outcolorspace="ycbcr", subsampling="422"
            )
        )

    def _encode_lossless(self, raster: Raster, coding: Coding) -> bytes:
        # No conversion. libjpeg-turbo 3.1 names the wrong Huffman table when it is told that components are YCbCr.
        space = "rgb" if coding.image.samples == 3 else None
        pattern = as_pattern(raster, coding.precision)
        stream = _bytes(
            lambda: imagecodecs.jpeg8_encode(
                pattern,
                lossless=True,
                predictor=1,
                bitspersample=coding.precision,
                colorspace=space,
                outcolorspace=space,
            )
        )
        return _without_colour_marks(stream) if coding.image.photometric.startswith("YBR") else stream


def _encode_like(pattern: Raster, coding: Coding) -> bytes:
    """With the quantisation and subsampling of `coding.like`; samples are in the stream's own colour space."""
    header = jpeg_header(coding.like)
    if header.precision > 8:
        return _encode_12_bits(pattern, _quality_of(header))
    mode, options = "L", {}
    if coding.image.samples == 3:
        subsampling = header.subsampling
        if subsampling is None:
            raise Unfit("an unusual subsampling of chrominance cannot be re-encoded", "PixelsCannotBeMasked")
        mode = "YCbCr" if header.holds_ybr(coding.image.photometric) else "RGB"
        options = {"subsampling": _SUBSAMPLING[subsampling]}
        if mode == "RGB":
            options["keep_rgb"] = True
    with Pillow.open(io.BytesIO(coding.like)) as original:
        tables = getattr(original, "quantization", {})
    target = io.BytesIO()
    picture = Pillow.frombytes(mode, (pattern.shape[1], pattern.shape[0]), np.ascontiguousarray(pattern).tobytes())
    guarded("JPEG", lambda: picture.save(target, "JPEG", qtables=tables, **options))
    return target.getvalue()


def _encode_12_bits(pattern: Raster, quality: float) -> bytes:
    return _bytes(
        lambda: imagecodecs.jpeg8_encode(pattern.astype(np.uint16, copy=False), level=int(quality), bitspersample=12)
    )


def _quality_of(header: JpegHeader) -> int:
    """The coarsest quality of libjpeg's scale whose luminance table is nowhere coarser than the stream's."""
    wanted = header.tables[0]
    probe = np.zeros((8, 8), np.uint16)
    for quality in range(1, 101):
        table = jpeg_header(bytes(imagecodecs.jpeg8_encode(probe, level=quality, bitspersample=12))).tables[0]
        if all(ours <= theirs for ours, theirs in zip(table, wanted, strict=True)):
            return quality
    return 100


def _without_colour_marks(stream: bytes) -> bytes:
    """A stream whose components are no RGB: the Adobe segment taken out, the components numbered 1, 2, 3."""
    if not stream.startswith(_SOI_ADOBE):
        raise Unfit("the JPEG codec wrote an unexpected header")
    rest = bytearray(stream[:2] + stream[18:])
    scan = rest.index(_SCAN_OF_RGB) + 5
    for index in range(3):
        rest[12 + 3 * index] = rest[scan + 2 * index] = index + 1
    return bytes(rest)


def _bytes(work: Callable[[], object]) -> bytes:
    return bytes(guarded("JPEG", work))
