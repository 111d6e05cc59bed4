# SPDX-License-Identifier: Apache-2.0
"""Value representations (PS3.5 6.2): how their lengths are written, and which one a tag has (PS3.6)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from dromos_crds.dictionary import vrs_by_tag

LONG: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
SHORT: Final = frozenset(
    bytes(pair, "ascii")
    for pair in [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
        "US",
    ]
)
# Specific Character Set (0008,0005) applies to them
CHARACTERS: Final = frozenset((b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"))
# texts in which a backslash is a character like any other, and spaces in front mean something
UNDIVIDED: Final = frozenset((b"LT", b"ST", b"UR", b"UT"))
STRINGS: Final = CHARACTERS | {b"AE", b"AS", b"CS", b"DA", b"DS", b"DT", b"IS", b"TM", b"UI", b"UR"}
# struct's letter and size of one value
NUMBERS: Final = {
    b"FD": ("d", 8),
    b"FL": ("f", 4),
    b"OD": ("d", 8),
    b"OF": ("f", 4),
    b"OL": ("I", 4),
    b"OV": ("Q", 8),
    b"OW": ("H", 2),
    b"SL": ("i", 4),
    b"SS": ("h", 2),
    b"SV": ("q", 8),
    b"UL": ("I", 4),
    b"US": ("H", 2),
    b"UV": ("Q", 8),
}
# in them anything may be said
_FREE: Final = CHARACTERS | {b"UR"}
_LONG_TEXTS: Final = UNDIVIDED | {b"UC"}
OPAQUE: Final = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SV", b"UN", b"UV"))
_CHOICE: Final = {("OB", "OW"): b"OW", ("US", "SS", "OW"): b"OW", ("US", "OW"): b"OW"}


@cache
def standard() -> dict[int, bytes]:
    """VR of every tag of PS3.6 that stands for itself; where there is a choice, the one that implicit VR implies."""
    return {tag: _vr(vrs) for tag, vrs in vrs_by_tag().items()}


@cache
def repeating() -> tuple[tuple[int, int, bytes], ...]:
    """(mask, value, VR) of the tags with repeating groups, such as (60xx,3000)."""
    text = (files("dromos_gateway.header") / "repeating.txt").read_text(encoding="ascii")
    return tuple(
        (
            int("".join("0" if digit == "x" else "F" for digit in pattern), 16),
            int(pattern.replace("x", "0"), 16),
            _vr(tuple(vr.split("/"))),
        )
        for pattern, vr in (line.split(" ") for line in text.splitlines())
    )


def vr_of(tag: int) -> bytes:
    """What an element has whose VR isn't written down; UN for what the standard doesn't know."""
    known = standard().get(tag)
    if known is not None:
        return known
    if tag >> 16 & 1:
        return b"LO" if 0x10 <= tag & 0xFFFF <= 0xFF else b"UN"  # a private creator, PS3.5 7.8.1
    if tag & 0xFFFF == 0:
        return b"UL"  # group length
    return next((vr for mask, value, vr in repeating() if tag & mask == value), b"UN")


def known_vr(tag: int, vr: bytes) -> bytes:
    """What a UN element is after all, where the standard knows its tag (PS3.5 6.2.2)."""
    return vr_of(tag) if vr == b"UN" else vr


def is_disguised(tag: int, vr: bytes) -> bool:
    """Whether an attribute of the standard has a VR of bytes in which anything may be, where it should have another.

    A sequence declared OB, or a text: its items are there, and nobody looks into them. Or numbers declared a text, and
    codes declared a long one.
    """
    wanted = vrs_by_tag().get(tag)
    if wanted is None or vr in (b"SQ", b"UN"):
        return False
    there = OPAQUE if vr in OPAQUE else _FREE if vr in _LONG_TEXTS else STRINGS if vr in _FREE else None
    return wanted == ("SQ",) or (there is not None and not any(one.encode("ascii") in there for one in wanted))


def _vr(vrs: tuple[str, ...]) -> bytes:
    return _CHOICE.get(vrs) or (vrs[0].encode("ascii") if len(vrs[0]) == 2 else b"UN")
