# SPDX-License-Identifier: Apache-2.0
"""The preview shows outlines on the left, the mask on the right."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.outcome import Held
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.pixels.preview import preview_png
from tests.pixels.samples import KINDS, Kind, make, ultrasound

PLAN = PixelPlan(masks=(Mask("*", (Rectangle(10, 10, 20, 12),)),))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_before_and_after(kind: Kind, tmp_path: Path) -> None:
    png = preview_png(make(kind, tmp_path), PLAN)
    assert isinstance(png, bytes)
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert picture.shape == (kind.rows, 2 * kind.columns + 8, 3)
    box = Rectangle(10, 10, min(20, kind.columns - 10), min(12, kind.rows - 10))
    assert tuple(picture[10, 10]) == tuple(picture[10 + box.height - 1, 10]) == (255, 208, 0)
    masked = picture[10 : 10 + box.height, kind.columns + 18 : kind.columns + 18 + box.width]
    assert len(np.unique(masked.reshape(-1, 3), axis=0)) == 1
    if kind.photometric != "PALETTE COLOR":
        assert masked.max() <= 2


def test_what_is_held_has_no_picture(tmp_path: Path) -> None:
    outcome = preview_png(make(ultrasound(), tmp_path), PixelPlan(masks=(Mask("CT7", (Rectangle(0, 0, 1, 1),)),)))
    assert isinstance(outcome, Held)
    assert outcome.reason == "NoMatchingMask"
