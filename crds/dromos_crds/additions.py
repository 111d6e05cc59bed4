# SPDX-License-Identifier: Apache-2.0
"""Elements that a profile adds: which VR an attribute can have, and which texts a VR can have (PS3.5 6.2, PS3.6)."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from math import isfinite
from typing import Final

from dromos_crds.dictionary import vrs_by_tag

TEXT_VRS: Final = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT FD FL SL SS SV UL US UV".split())  # noqa: SIM905
NOT_IN_DATA_SETS: Final = frozenset((0x0000, 0x0002, 0x0004, 0xFFFE))  # of messages, files, file sets, items
CHARACTER_SET: Final = 0x00080005
HOW_WRITTEN: Final = "says how the other texts are written, and is never changed"
_TIME: Final = r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_DAY: Final = r"(?:0[1-9]|[12][0-9]|3[01])"
_CHARACTER: Final = r"[^\x00-\x1f\x7f]"  # PS3.5 6.2: no control characters but, in texts of lines, those of lines
_LETTER: Final = r"[^\x00-\x1f\x7f=]"
_LINES: Final = r"[^\x00-\x08\x0b\x0e-\x1f\x7f]"
_ONE_VALUE: Final = frozenset(("LT", "ST", "UR", "UT"))  # a backslash is a character of it
_FORMS: Final[Mapping[str, str]] = {
    "AE": rf"{_CHARACTER}{{1,16}}",
    "AS": r"[0-9]{3}[DWMY]",
    "CS": r"[A-Z0-9_ ]{1,16}",
    "DA": rf"[0-9]{{4}}{_MONTH}{_DAY}",
    "DS": r"(?=.{1,16}\Z) *[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *",
    "DT": rf"[0-9]{{4}}(?:{_MONTH}(?:{_DAY}(?:{_TIME})?)?)?(?:[-+][0-9]{{4}})?",
    "IS": r"(?=.{1,12}\Z) *[-+]?[0-9]{1,11} *",
    "LO": rf"{_CHARACTER}{{1,64}}",
    "LT": rf"{_LINES}{{1,10240}}",
    "PN": rf"{_LETTER}{{0,64}}(?:={_LETTER}{{0,64}}){{0,2}}",
    "SH": rf"{_CHARACTER}{{1,16}}",
    "ST": rf"{_LINES}{{1,1024}}",
    "TM": _TIME,
    "UC": rf"{_CHARACTER}+",
    "UI": r"(?=.{1,64}\Z)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*",
    "UR": r"[!-\[\]-~]+ *",
    "UT": rf"{_LINES}+",
}
_PATTERNS: Final = {vr: re.compile(form) for vr, form in _FORMS.items()}
# struct's letters
_NUMBERS: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
NUMBER_VRS: Final = frozenset(_NUMBERS)


def misfit(tag: int, vr: str) -> str | None:
    """Why an attribute of the standard can't be added with this VR; None: it can."""
    if tag >> 16 & 1:
        return "is private; use action.add.private.tag"
    if tag == CHARACTER_SET:
        return HOW_WRITTEN
    known = vrs_by_tag().get(tag)
    if known is None or tag >> 16 in NOT_IN_DATA_SETS:
        return "is no attribute of a data set"
    if vr not in known:
        return f"has VR {' or '.join(known)}, not {vr}"
    return None if vr in TEXT_VRS else "has no value that can be written as text"


def ill_formed(vr: str, text: str) -> str | None:
    """Why a VR can't have a text as its value, or values; None: it can, as it can have none."""
    if not text:
        return None
    for part in [text] if vr in _ONE_VALUE else text.split("\\"):
        pattern = _PATTERNS.get(vr)
        if part and pattern is not None and pattern.fullmatch(part) is None:
            return f"is no value that VR {vr} can have"
        letter = _NUMBERS.get(vr)
        if letter is not None and not _packs(letter, part):
            return f"is no number that VR {vr} can have"
    return None


def unfit(vr: str, text: str) -> str | None:
    """Why an element can't get a text in place of its value; None: it can. Of a VR of bytes nobody knows the text."""
    if not text or vr == "UN":
        return None
    if vr not in TEXT_VRS and vr != "AT":
        return f"is a text, and VR {vr} has none"
    return ill_formed(vr, text)


def _packs(letter: str, text: str) -> bool:
    try:
        number = float(text) if letter in "df" else int(text)
        struct.pack(f"<{letter}", number)
    except (ValueError, OverflowError, struct.error):
        return False
    return text.isascii() and "_" not in text and (letter not in "df" or isfinite(number))
