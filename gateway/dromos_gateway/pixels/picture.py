# SPDX-License-Identifier: Apache-2.0
"""The first frame of a file as a PNG for people to look at: grey values stretched to what the frame uses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from dromos_gateway.pixels import capability
from dromos_gateway.pixels.frames import Frames
from dromos_gateway.pixels.native import Raster
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import open_pixels, open_source


def write_png(source: Path, target: Path) -> None:
    """Write the first frame. `Unfit` when there is none that can be decoded; OSError."""
    opened = open_source(source, target.parent)
    if opened.pixel is None:
        raise Unfit("the object has no pixels")
    pixels = open_pixels(opened)
    image = capability.decoded(opened.head.transfer_syntax_uid, pixels.image)
    raster = Frames(opened, pixels, image).decoded(0)
    if raster.ndim == 3 and raster.shape[-1] == 3:
        mode = "YCbCr" if image.photometric.startswith("YBR") else "RGB"
        picture = Pictures.fromarray(_bytes(raster, int(np.iinfo(raster.dtype).max)), mode).convert("RGB")
    else:
        grey = raster.reshape(raster.shape[0], raster.shape[1]).astype(np.int64)
        grey -= grey.min()
        shown = _bytes(grey, max(int(grey.max()), 1))
        picture = Pictures.fromarray(255 - shown if image.photometric == "MONOCHROME1" else shown)
    picture.save(target, "PNG")


def _bytes(raster: Raster, highest: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return (raster.astype(np.int64) * 255 // highest).astype(np.uint8)
