# SPDX-License-Identifier: Apache-2.0
"""A picture of what masks do: the image with their outlines on the left, the masked one on the right."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from dromos_crds.masks import Rectangle
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.pixels import capability
from dromos_gateway.pixels.change import mask_for
from dromos_gateway.pixels.drawing import Drawing, palette, plan_drawing
from dromos_gateway.pixels.frames import Frames
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Raster
from dromos_gateway.pixels.outcome import Held, Unfit
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.pixels.source import Source, open_source

_OUTLINE = (255, 208, 0)
_GAP = 8  # pixels between the two
_WIDEST = 1024  # pixels of each


def preview_png(path: Path, plan: PixelPlan, scratch: Path, frame: int = 0) -> bytes | Held:
    """A frame before and after, as PNG; `Held` where the instance would be. Without masks both sides are the same.

    A deflated one is inflated in the folder `scratch`: where `path` lies need not be ours.
    """
    try:
        source = open_source(path, scratch)
        mask = mask_for(source, plan)
        if source.pixel is None:
            raise Unfit("it has no pixels", "NoPixels")
        pixels = source.pixels
        image = capability.decoded(source.head.transfer_syntax_uid, pixels.image)
        drawing = None if mask is None else plan_drawing(mask, image, source)
        before = Frames(source, pixels, image).decoded(min(frame, image.frames - 1))
        after = before if drawing is None else drawing.on(before)
        thin = max(1, image.columns // (2 * _WIDEST))  # what is not to be seen need not be in memory
        before, after = before[::thin, ::thin], after[::thin, ::thin]
        sides = _shown(before, image, source, before), _shown(after, image, source, before)
    except MalformedDataSet as error:
        return Held("MalformedDataSet", str(error))
    except Unfit as unfit:
        return Held(unfit.reason, str(unfit))
    return _png(_outlined(sides[0], drawing, thin), sides[1])


def _shown(raster: Raster, image: Image, source: Source, scale: Raster) -> Raster:
    """Red, green and blue in 8 bits; grey is stretched from the least to the greatest value of `scale`."""
    if image.photometric == "PALETTE COLOR":
        first, colours = palette(source)
        index = np.clip(raster.astype(np.int64) - first, 0, len(colours) - 1)
        return colours[index].astype(np.uint8)
    if image.samples == 3:
        wide = raster.astype(np.float64) / ((1 << image.stored) - 1) * 255
        return _rgb(wide, image.photometric).clip(0, 255).astype(np.uint8)
    values = np.nan_to_num(raster.astype(np.float64))
    low, high = float(np.nanmin(scale)), float(np.nanmax(scale))
    grey = ((values - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8)
    if image.photometric == "MONOCHROME1":
        grey = 255 - grey
    return np.repeat(grey[:, :, None], 3, axis=2)


def _rgb(wide: Raster, photometric: str) -> Raster:
    if not photometric.startswith("YBR"):
        return wide
    luma, blue, red = wide[..., 0], wide[..., 1] - 128, wide[..., 2] - 128
    return np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)


def _outlined(picture: Raster, drawing: Drawing | None, thin: int) -> Raster:
    drawn = picture.copy()
    width = max(1, picture.shape[1] // 400)
    for box in drawing.rectangles if drawing is not None else ():
        right, bottom = -(-(box.x + box.width) // thin), -(-(box.y + box.height) // thin)
        x, y = box.x // thin, box.y // thin
        for edge in _edges(Rectangle(x, y, right - x, bottom - y), width):
            drawn[edge] = _OUTLINE
    return drawn


def _edges(box: Rectangle, width: int) -> tuple[tuple[slice, slice], ...]:
    rows, columns = slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
    bottom, right = box.y + box.height, box.x + box.width
    return (
        (slice(box.y, box.y + width), columns), (slice(max(bottom - width, 0), bottom), columns),
        (rows, slice(box.x, box.x + width)), (rows, slice(max(right - width, 0), right)),
    )  # fmt: skip


def _png(left: Raster, right: Raster) -> bytes:
    gap = np.full((left.shape[0], _GAP, 3), 255, np.uint8)
    picture = Pillow.fromarray(np.concatenate([left, gap, right], axis=1))
    if left.shape[1] > _WIDEST:
        share = _WIDEST / left.shape[1]
        picture = picture.resize((round(picture.width * share), max(1, round(picture.height * share))))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()
