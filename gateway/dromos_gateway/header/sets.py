# SPDX-License-Identifier: Apache-2.0
"""The character sets that a data set, or an item, says it has."""

from __future__ import annotations

from typing import Final

from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import character_sets

SPECIFIC_CHARACTER_SET: Final = 0x00080005


def encodings_of(source: Source, layout: Layout) -> tuple[str, ...]:
    """Those that these elements name; without the attribute the standard's default."""
    place = layout.get(SPECIFIC_CHARACTER_SET)
    if place is None:
        return character_sets(b"")
    _, _, value, stop = place
    try:
        return character_sets(source.read(value, stop - value))
    except LookupError:
        raise MalformedDataSet("Specific Character Set (0008,0005) names an unknown one", value) from None
