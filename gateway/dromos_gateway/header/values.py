# SPDX-License-Identifier: Apache-2.0
"""Values as text and back, in the data set's character set (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Final

from dromos_gateway.header.floats import double_text, single_text
from dromos_gateway.header.terms import DEFAULT, codecs
from dromos_gateway.header.vr import CHARACTERS, NUMBERS, STRINGS, UNDIVIDED

_TEXT_DELIMITERS: Final = {0x0D, 0x0A, 0x09, 0x0C}  # PS3.5 6.1.2.5.3: they reset the code extensions
_WRITTEN: Final[Mapping[str, Callable[[float], str]]] = {"d": double_text, "f": single_text}
_GB_2312: Final = "\x1b$)A"
_NAME_DELIMITERS: Final = _TEXT_DELIMITERS | {0x5E, 0x3D}


@lru_cache(maxsize=256)
def character_sets(value: bytes) -> tuple[str, ...]:
    """Python's names for the value of Specific Character Set (0008,0005); Latin-1 where it has none.

    LookupError when a term is unknown: text would be guessed at.
    """
    return codecs(value.decode("ascii", "replace").rstrip("\0 ").split("\\"))


def text_of(vr: bytes, value: bytes, encodings: Sequence[str], order: str = "<") -> str | None:
    """All values, joined with backslashes, without padding; None for an empty one and for what has no text."""
    if vr in STRINGS:
        return _decoded(vr, value, encodings) or None
    if vr == b"AT":
        tags = struct.unpack_from(f"{order}{len(value) // 4 * 2}H", value)
        return "\\".join(f"{tags[at]:04X}{tags[at + 1]:04X}" for at in range(0, len(tags), 2)) or None
    if vr in NUMBERS:
        letter, size = NUMBERS[vr]
        numbers = struct.unpack_from(f"{order}{len(value) // size}{letter}", value)
        return "\\".join(map(_WRITTEN.get(letter, str), numbers)) or None
    if vr == b"UN":
        return value.decode("latin-1").rstrip("\0 ") or None
    return None


def first_value(text: str | None) -> str:
    """The first of several values, as `text_of` joins them; empty where there is none."""
    return "" if text is None else text.partition("\\")[0].strip()


def bytes_of(vr: bytes, text: str, encodings: Sequence[str], order: str = "<") -> bytes:
    """The value of even length that stands for `text`.

    UnicodeEncodeError when the character set can't say it, ValueError when it is no number and the VR wants one.
    """
    if vr in NUMBERS or vr == b"AT":
        return _binary(vr, text, order)
    value = text.encode("ascii") if text.isascii() or vr not in CHARACTERS else _encoded(vr, text, encodings)
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    return value


def _encoded(vr: bytes, text: str, encodings: Sequence[str]) -> bytes:
    if len(encodings) == 1 and encodings[0] != DEFAULT:
        return text.encode(encodings[0])
    if len(encodings) < 2:
        raise UnicodeEncodeError("the default repertoire", "?", 0, 1, "is ASCII")
    from pydicom.charset import encode_string

    value: bytes = encode_string(text, list(encodings))
    lost = _unescaped(vr, value, encodings) != text
    if lost or (encodings[0] == DEFAULT and not value.split(b"\x1b")[0].isascii()):
        raise UnicodeEncodeError("the instance's character set", "?", 0, 1, "has no such character")
    return value


def _binary(vr: bytes, text: str, order: str) -> bytes:
    if not text.isascii() or "_" in text:  # Python would read them
        raise ValueError("no number")
    parts = [part.strip() for part in text.split("\\")] if text.strip() else []
    if vr == b"AT":
        tags = [int(part, 16) for part in parts]
        if any(not 0 <= tag <= 0xFFFFFFFF for tag in tags):
            raise ValueError("out of the VR's range")
        return b"".join(struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    letter, _ = NUMBERS[vr]
    numbers = [float(part) if letter in "df" else int(part) for part in parts]
    if letter in "df" and not all(map(isfinite, numbers)):
        raise ValueError("out of the VR's range")
    try:
        return struct.pack(f"{order}{len(numbers)}{letter}", *numbers)
    except (struct.error, OverflowError):
        raise ValueError("out of the VR's range") from None


def _unescaped(vr: bytes, value: bytes, encodings: Sequence[str]) -> str:
    """A text with code extensions. pydicom leaves the escape sequence of GB 2312 to Python, which leaves it in."""
    from pydicom.charset import decode_bytes

    text: str = decode_bytes(value, encodings, _NAME_DELIMITERS if vr == b"PN" else _TEXT_DELIMITERS)
    return text.replace(_GB_2312, "") if "iso_ir_58" in encodings else text


def _decoded(vr: bytes, value: bytes, encodings: Sequence[str]) -> str:
    if b"\x1b" in value and vr in CHARACTERS:
        text = _unescaped(vr, value, encodings)
    elif vr in CHARACTERS and encodings and not value.isascii():
        text = value.decode(encodings[0], "replace")
    else:
        text = value.decode("latin-1")
    if vr in UNDIVIDED:
        return text.rstrip("\0 ")
    if "\\" not in text:
        return text.strip("\0 ")
    return "\\".join(part.strip("\0 ") for part in text.split("\\"))
