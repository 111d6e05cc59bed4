# SPDX-License-Identifier: Apache-2.0
"""The preview shows outlines on the left, the mask on the right."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.outcome import Held
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.pixels.preview import preview_png
from tests.pixels.samples import KINDS, Kind, make, ultrasound

PLAN = PixelPlan(masks=(Mask("*", (Rectangle(10, 10, 20, 12),)),))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_before_and_after(kind: Kind, tmp_path: Path) -> None:
    png = preview_png(make(kind, tmp_path), PLAN, tmp_path)
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
    plan = PixelPlan(masks=(Mask("CT7", (Rectangle(0, 0, 1, 1),)),))
    outcome = preview_png(make(ultrasound(), tmp_path), plan, tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NoMatchingMask"


def test_a_file_among_those_of_others_is_inflated_elsewhere(tmp_path: Path) -> None:
    """Nobody, not even root, writes into the folder that it is read from."""
    coded = make(Kind(), tmp_path, ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    with coded.open("rb") as file:
        theirs = Path(f"/proc/self/fd/{file.fileno()}")
        assert isinstance(preview_png(theirs, PLAN, tmp_path), bytes)


def test_a_wide_image_is_shown_smaller_with_its_outlines(tmp_path: Path) -> None:
    kind = Kind(rows=600, columns=9001)
    png = preview_png(make(kind, tmp_path), PixelPlan(masks=(Mask("*", (Rectangle(0, 0, 4500, 300),)),)), tmp_path)
    assert isinstance(png, bytes)
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert 2 * 1024 <= picture.shape[1] <= 2 * 1024 + 8
    assert picture.shape[0] == pytest.approx(600 * 1024 / 9001, abs=2)
    half, middle = picture.shape[1] // 2, picture.shape[0] // 2
    left, right = picture[:, :half], picture[:, half:]
    assert (left[: middle - 2, 507:514, 0] - left[: middle - 2, 507:514, 2]).max() > 60, "its right edge is yellow"
    assert right[: middle - 2, 10:500].max() <= 2
    assert right[middle + 2 :, 10:500].max() > 30
