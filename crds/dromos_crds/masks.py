# SPDX-License-Identifier: Apache-2.0
"""Masks of a profile: what `clean.pixel.data` fills, on which images, with what.

masks:
  - {stationName: US1, imageWidth: 800, imageHeight: 600, color: "000000", rectangles: ["0 0 800 40"]}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})")
ANY_STATION = "*"

_ULTRASOUND, _SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.7"
_RETIRED_ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3"
_ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1"


@dataclass(frozen=True, slots=True)
class Colour:
    """Red, green and blue, 0 to 255."""

    red: int = 0
    green: int = 0
    blue: int = 0


BLACK = Colour()


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Columns `x` to `x + width`, rows `y` to `y + height`, ends excluded; counted from 0 at the top left."""

    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.x} {self.y} {self.width} {self.height}"


@dataclass(frozen=True, slots=True)
class Mask:
    """Rectangles for the images of one station, or of any (``*``); with a size, only for images of that size."""

    station_name: str
    rectangles: tuple[Rectangle, ...]
    colour: Colour = BLACK
    columns: int | None = None
    rows: int | None = None

    @property
    def sized(self) -> bool:
        """Whether it is for images of one size."""
        return self.columns is not None or self.rows is not None


def parse_colour(text: str) -> Colour | None:
    """Read RRGGBB or AARRGGBB; None when it is neither. Opacity is not heeded: a mask hides."""
    match = _HEX.fullmatch(text.strip())
    return None if match is None else Colour(*bytes.fromhex(match[1]))


def parse_rectangle(text: str) -> Rectangle | None:
    """Read 'x y width height'; None when it is anything but four whole numbers, the last two above zero."""
    words = text.split()
    if len(words) != 4 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        return None
    rectangle = Rectangle(*map(int, words))
    return rectangle if rectangle.width > 0 and rectangle.height > 0 else None


def parse_mask(mask: Mapping[str, object]) -> Mask | tuple[str, str]:
    """Read a mask of a profile; (field, what is wrong with it) when it means nothing."""
    rectangles = []
    texts = mask.get("rectangles")
    for index, text in enumerate(texts if isinstance(texts, list | tuple) else ()):
        rectangle = parse_rectangle(str(text))
        if rectangle is None:
            return f"rectangles[{index}]", "is not 'x y width height' in whole pixels"
        rectangles.append(rectangle)
    if not rectangles:
        return "rectangles", "a mask needs a rectangle"
    size = {name: _size(mask.get(name)) for name in ("imageWidth", "imageHeight")}
    for name, value in size.items():
        if value == 0:
            return name, "is not a number of pixels"
    colour = parse_colour(str(mask["color"])) if mask.get("color") is not None else BLACK
    if colour is None:
        return "color", "is not RRGGBB in hexadecimal"
    station = str(mask.get("stationName", "")).strip()
    if not station:
        return "stationName", "is needed; * stands for any station"
    return Mask(station, tuple(rectangles), colour, size["imageWidth"], size["imageHeight"])


def select_mask(masks: Iterable[Mask], station_name: str | None, columns: int | None, rows: int | None) -> Mask | None:
    """The mask for an image: of its station and size, else of its station, else of any station (``*``).

    A mask with a size fits images of that size only; of several that fit equally well the last counts, as in Karnak.
    """
    fitting = [mask for mask in masks if _fits(mask, columns, rows)]
    station = (station_name or "").strip()
    for wanted, sized in ((station, True), (station, False), (ANY_STATION, True), (ANY_STATION, False)):
        found = [mask for mask in fitting if mask.station_name == wanted and mask.sized is sized]
        if found and wanted:
            return found[-1]
    return None


def may_show_text(sop_class_uid: str | None, burned_in_annotation: str | None) -> bool:
    """Whether `clean.pixel.data` concerns an image: ultrasound, secondary capture, endoscopy, or one that says so."""
    if (burned_in_annotation or "").strip().upper() == "YES":
        return True
    uid = (sop_class_uid or "").strip()
    families = (_ULTRASOUND, _SECONDARY_CAPTURE, _RETIRED_ULTRASOUND)
    return uid == _ENDOSCOPY or any(uid == family or uid.startswith(family + ".") for family in families)


def _fits(mask: Mask, columns: int | None, rows: int | None) -> bool:
    return mask.columns in (None, columns) and mask.rows in (None, rows)


def _size(value: object) -> int | None:
    """None when absent, 0 when it is no size."""
    if value is None:
        return None
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
