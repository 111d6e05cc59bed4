# SPDX-License-Identifier: Apache-2.0
"""Which transfer syntax results, and masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dromos_crds.masks import BLACK, may_show_text, parse_colour, parse_mask, parse_rectangle, select_mask
from dromos_crds.masks import Mask as ParsedMask
from dromos_crds.transfer_syntaxes import negotiated_syntax, output_syntax
from dromos_gateway.pixels.drawing import Drawing
from tests.unit.karnak import Given


def _output(given: Given, expected: Given) -> None:
    only = given["transcodeOnlyUncompressed"]
    syntax = output_syntax(given["incoming"], given["configured"] or None, only_uncompressed=only)
    assert syntax == expected["requested"]


def _negotiated(given: Given, expected: Given) -> None:
    assert negotiated_syntax(given["wanted"], given["accepted_by_peer"]) == expected["used"]


def _select(given: Given, expected: Given) -> None:
    masks = [parse_mask(mask) for mask in given["masks"]]
    assert all(isinstance(mask, ParsedMask) for mask in masks)
    parsed = [mask for mask in masks if isinstance(mask, ParsedMask)]
    mask = select_mask(parsed, given["stationName"], given["columns"], given["rows"])
    assert (mask and str(mask.rectangles[0])) == expected["first_rectangle"]


def _rectangle(given: Given, expected: Given) -> None:
    if "list" in given:
        assert ";".join(str(parse_rectangle(text)) for text in given["list"]) == expected["stored"]
        return
    rectangle = parse_rectangle(given["text"])
    if "rectangle" in expected:
        assert rectangle is expected["rectangle"]
    else:
        assert rectangle is not None
        assert {name: getattr(rectangle, name) for name in expected} == expected


def _colour(given: Given, expected: Given) -> None:
    colour = parse_colour(given["text"]) or BLACK
    assert [colour.red, colour.green, colour.blue, 255] == expected["rgba"]


def _eligible(given: Given, expected: Given) -> None:
    assert may_show_text(given["SOPClassUID"], given["BurnedInAnnotation"]) is expected["bool"]


def _apply(given: Given, expected: Given) -> None:
    rectangle, colour = parse_rectangle(given["rectangle"]), parse_colour(given["color"])
    assert rectangle is not None
    assert colour == replace(BLACK)
    frame = np.full((given["rows"], given["columns"]), given["all_pixels"], np.uint8)
    drawn = Drawing((rectangle,), (0,)).on(frame)
    assert int(drawn[8, 8]) == expected["pixel(8,8)"]
    assert int(drawn[24, 24]) == expected["pixel(24,24)"]


AREAS = {
    "transfer_syntax.output": _output,
    "transfer_syntax.negotiated": _negotiated,
    "mask.select": _select,
    "mask.rectangle": _rectangle,
    "mask.color": _colour,
    "mask.eligible": _eligible,
    "mask.apply": _apply,
}
