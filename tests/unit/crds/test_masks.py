# SPDX-License-Identifier: Apache-2.0
"""Masks are read, or refused with the field; Karnak's vectors have the look-up."""

from __future__ import annotations

import pytest

from dromos_crds.masks import BLACK, Colour, Mask, Rectangle, may_show_text, parse_mask, select_mask

GOOD = {"stationName": "US1", "rectangles": ["0 0 10 10"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stationName": ""}, "stationName"),
        ({"rectangles": []}, "rectangles"),
        ({"rectangles": ["0 0 10 10", "1 2 3"]}, "rectangles[1]"),
        ({"rectangles": ["-1 0 10 10"]}, "rectangles[0]"),
        ({"rectangles": ["0 0 0 10"]}, "rectangles[0]"),
        ({"rectangles": ["0 0 ١٢ 10"]}, "rectangles[0]"),
        ({"imageWidth": "wide"}, "imageWidth"),
        ({"imageHeight": 0}, "imageHeight"),
        ({"color": "red"}, "color"),
        ({"color": "12345"}, "color"),
    ],
)
def test_a_mask_that_means_nothing_is_refused(change: dict[str, object], field: str) -> None:
    refused = parse_mask(GOOD | change)
    assert isinstance(refused, tuple)
    assert refused[0] == field


def test_a_mask_without_colour_is_black() -> None:
    assert parse_mask(GOOD) == Mask("US1", (Rectangle(0, 0, 10, 10),), BLACK)
    sized = parse_mask(GOOD | {"color": "80FF0000", "imageWidth": "640", "imageHeight": 480})
    assert sized == Mask("US1", (Rectangle(0, 0, 10, 10),), Colour(255, 0, 0), 640, 480)


def test_no_station_falls_to_any() -> None:
    box = (Rectangle(0, 0, 1, 1),)
    own, small, other = Mask("US1", box), Mask("US1", box, columns=64), Mask("*", box)
    assert select_mask([own, small, other], "US1", 64, 10) == small
    assert select_mask([own, small, other], "US1 ", 65, 10) == own
    assert select_mask([own, small, other], None, 64, 10) == other
    assert select_mask([own, small], "US2", 64, 10) is None
    assert select_mask([small], "US1", 65, 10) is None


def test_burned_in_annotation_counts_in_any_case() -> None:
    assert may_show_text("1.2.840.10008.5.1.4.1.1.2", "yes ")
    assert not may_show_text(None, None)
