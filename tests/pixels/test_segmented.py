# SPDX-License-Identifier: Apache-2.0
"""Segmented palettes: those of real machines as pydicom expands them, and masks in their colours; lies are held."""

from __future__ import annotations

import struct
from pathlib import Path

import data_store
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut

from dromos_crds.masks import Colour, Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged, Unfit
from dromos_gateway.pixels.plan import MaskValues, PixelPlan
from dromos_gateway.pixels.segmented import expanded

ALOKA = sorted(path for folder in data_store.__path__ for path in Path(folder).rglob("gdcm-US-ALOKA-16*.dcm"))


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}H", *numbers)


@pytest.mark.parametrize("path", ALOKA, ids=lambda path: path.name)
@pytest.mark.parametrize("colour", [Colour(), Colour(255, 255, 255), Colour(200, 30, 30)])
def test_a_mask_in_a_palette_of_segments(path: Path, colour: Colour, tmp_path: Path) -> None:
    target = tmp_path / "target.dcm"
    plan = PixelPlan(masks=(Mask("*", (Rectangle(0, 0, 300, 40),), colour),), mask_values=MaskValues("1.2", "YES", "*"))
    assert isinstance(change_pixels(path, target, plan), PixelsChanged)
    before, after = dcmread(path), dcmread(target)
    np.testing.assert_array_equal(before.pixel_array[40:], after.pixel_array[40:])
    index = np.unique(after.pixel_array[:40, :300])
    assert len(index) == 1
    everything = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    shown = apply_color_lut(everything, before).reshape(-1, 3).astype(int) >> 8
    distance = ((shown - (colour.red, colour.green, colour.blue)) ** 2).sum(axis=1)
    assert distance[index[0]] == distance.min(), "no colour of the palette is nearer"


def test_there_are_such_files() -> None:
    assert len(ALOKA) == 2


def test_every_kind_of_segment() -> None:
    table = words(0, 2, 10, 20, 1, 4, 40, 2, 2, 0, 0)
    np.testing.assert_array_equal(expanded(table, 12, "<"), [10, 20, 25, 30, 35, 40, 10, 20, 25, 30, 35, 40])
    falling = words(0, 1, 100, 1, 3, 97)
    np.testing.assert_array_equal(expanded(falling, 4, "<"), [100, 99, 98, 97])
    big = struct.pack(">6H", 0, 1, 100, 1, 3, 97)
    np.testing.assert_array_equal(expanded(big, 4, ">"), [100, 99, 98, 97])


@pytest.mark.parametrize(
    "table",
    [
        words(1, 4, 40),
        words(0, 9, 1, 2),
        words(0, 1, 5, 7, 1, 1),
        words(0, 1, 5, 1, 0, 9),
        words(0, 1, 5, 1, 60000, 9),
        words(0, 1, 5, 2, 1, 3, 0),
        words(0, 1, 5, 2, 1, 6, 0),
        words(0, 1, 5, 2, 9, 0, 0),
        words(0, 1, 5, 2, 1, 0, 9),
        words(2, 1, 0, 0),
        b"",
        b"\0",
    ],
    ids=["rises from nothing", "ends early", "unknown", "no length", "too long", "odd place", "itself", "too many",
         "beyond the end", "nothing but itself", "empty", "a byte"],
)  # fmt: skip
def test_segments_that_lie(table: bytes) -> None:
    with pytest.raises(Unfit, match="not what it says"):
        expanded(table, 4, "<")
