# SPDX-License-Identifier: Apache-2.0
"""JPEG-LS (T.87) with CharLS."""

from __future__ import annotations

import imagecodecs
import jpeg_ls
import numpy as np

from dromos_gateway.pixels.codecs.coding import Coding, as_cells, as_pattern, check_size, guarded, within_depth
from dromos_gateway.pixels.codecs.streams import SOF_JPEG_LS, jpeg_header
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Raster
from dromos_gateway.pixels.outcome import Unfit

_BY_SAMPLE = 2


class JpegLs:
    """`coding.Codec` for JPEG-LS."""

    def decode(self, stream: Buffer, image: Image) -> Raster:
        """A frame in the header's cells."""
        header = jpeg_header(stream)
        check_size("JPEG-LS", header.size, image)
        if header.process != SOF_JPEG_LS:
            raise Unfit("a frame is coded otherwise than its transfer syntax says")
        decoded = guarded("JPEG-LS", lambda: imagecodecs.jpegls_decode(bytes(stream)))
        cells = as_cells(decoded, image, header.precision)
        return within_depth(cells, image, header.near) if header.near else cells

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        """Lossless, or with errors up to `coding.quality`; colour by sample."""
        pattern = np.ascontiguousarray(as_pattern(raster, coding.precision))
        image = coding.image
        error = 0 if coding.lossless else int(coding.quality)
        mode = _BY_SAMPLE if image.samples > 1 else 0
        return bytes(
            guarded(
                "JPEG-LS",
                lambda: jpeg_ls.encode_buffer(
                    pattern.tobytes(), image.rows, image.columns, image.samples, coding.precision, error, mode
                ),
            )
        )
