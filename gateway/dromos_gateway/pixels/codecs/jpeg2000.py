# SPDX-License-Identifier: Apache-2.0
"""JPEG 2000 (T.800) with OpenJPEG, High-Throughput JPEG 2000 (T.814) with OpenJPH."""

from __future__ import annotations

import imagecodecs
import numpy as np

from dromos_gateway.pixels.codecs.coding import Coding, as_cells, check_size, guarded
from dromos_gateway.pixels.codecs.streams import jpeg_2000_header
from dromos_gateway.pixels.image import YBR_OF_JPEG_2000, Image
from dromos_gateway.pixels.native import Buffer, Raster
from dromos_gateway.pixels.outcome import Unfit


class Jpeg2000:
    """`coding.Codec` for JPEG 2000. A colour transform of the code stream is undone: ICT and RCT become RGB."""

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame in the header's cells."""
        header = jpeg_2000_header(stream)
        check_size("JPEG 2000", header.size, image)
        if len(set(header.precisions)) > 1 or len(set(header.signed)) > 1 or not header.whole:
            raise Unfit("the components of a JPEG 2000 stream are not alike")
        decode = _decode_high_throughput if header.high_throughput else imagecodecs.jpeg2k_decode
        if image.photometric in YBR_OF_JPEG_2000 and not header.colour_transform:
            raise Unfit(f"{image.photometric} without a colour transform in the JPEG 2000 stream")
        decoded = guarded("JPEG 2000", lambda: decode(bytes(stream)))
        if image.samples > 1 and decoded.shape != (image.rows, image.columns, image.samples):  # by component
            decoded = np.ascontiguousarray(decoded.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0))
        return as_cells(decoded, image, header.precisions[0])

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """Reversible, or irreversible to a signal-to-noise ratio of `coding.quality` dB."""
        size = _size_for(coding)
        if raster.dtype.itemsize > size:
            raster = raster.astype(f"{raster.dtype.kind}{size}")
        return bytes(
            guarded(
                "JPEG 2000",
                lambda: imagecodecs.jpeg2k_encode(
                    raster, level=0 if coding.lossless else int(coding.quality), codecformat="j2k",
                    reversible=coding.lossless, bitspersample=coding.precision, mct=coding.colour_transform,
                    numthreads=1,
                ),
            )
        )  # fmt: skip


def _decode_high_throughput(stream: bytes) -> Raster:
    """Colour by pixel, as is said: otherwise it is by component or not, and 3 by 3 pixels look the same either way."""
    decoded: Raster = imagecodecs.htj2k_decode(stream, planar=False)
    return decoded


def _size_for(coding: Coding) -> int:
    """Bytes of the cells that the library gets. It takes what fits half of them for as deep as they are: of four bytes
    it makes 26 bits, which OpenJPEG does not always give back, and noise is allowed in the measure of all 16 of two.
    """
    if coding.precision <= 8 and not coding.lossless:
        return 1
    return 2 if coding.precision <= 16 else 4


class HighThroughput(Jpeg2000):
    """`coding.Codec` that writes High-Throughput JPEG 2000, in RPCL order with tile-part lengths; reversible only."""

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """Reversible."""
        if not coding.lossless:
            raise Unfit("High-Throughput JPEG 2000 with loss is not written")
        shift = raster.dtype.itemsize * 8 - coding.precision
        if shift and raster.dtype.kind == "u":
            # The encoder takes the depth from the type and moves samples by half its range. Moved by the difference
            # beforehand they are those of the lesser depth, which is then written into the header.
            half = raster.dtype.type((1 << (raster.dtype.itemsize * 8 - 1)) - (1 << (coding.precision - 1)))
            raster = raster + half
        stream = bytearray(
            guarded(
                "JPEG 2000",
                lambda: imagecodecs.htj2k_encode(
                    np.ascontiguousarray(raster), reversible=True, rgb=coding.colour_transform, planar=False, tlm=True
                ),
            )
        )
        if shift:
            place = jpeg_2000_header(bytes(stream)).siz
            for component in range(coding.image.samples):
                stream[place + 3 * component] -= shift
        return bytes(stream)
