# SPDX-License-Identifier: Apache-2.0
"""Dummy values by VR (DDum, karnak.md §1g)."""

from __future__ import annotations

from typing import Final

from dromos_gateway.header.vr import NUMBERS

TEXT: Final = "UNKNOWN"
# days and seconds below which a date is shifted for want of a rule of its own
SHIFT_DAYS: Final = 365
SHIFT_SECONDS: Final = 86400
_TEXTS: Final = frozenset((b"AE", b"CS", b"LO", b"LT", b"PN", b"SH", b"ST", b"UN", b"UT", b"UC", b"UR"))
_DATES: Final = {b"AS": "000D", b"DA": "19000101", b"DT": "19000101000000.000000", b"TM": "000000.000000"}
# where the standard says how a text looks
_FORMATTED: Final = {0x00080201: "+0000"}  # Timezone Offset From UTC


def dummy(vr: bytes) -> str | None:
    """The dummy text of a VR; None where it is made from the value (dates, UIDs) or is nothing (binary VRs)."""
    if vr in _TEXTS:
        return TEXT
    return "0" if vr in (b"DS", b"IS") else None


def formatted_dummy(tag: int, vr: bytes) -> str | None:
    """The same, minding what the standard says about one attribute."""
    return _FORMATTED.get(tag) or dummy(vr)


def fixed_date(vr: bytes) -> str:
    """A dummy for what should be a date, a time or an age and isn't."""
    return _DATES[vr]


def binary_dummy(vr: bytes) -> bytes:
    """One value of zero for a binary VR of type 1: an empty one would break the IOD."""
    size = NUMBERS[vr][1] if vr in NUMBERS else 4 if vr == b"AT" else 2
    return bytes(size)
