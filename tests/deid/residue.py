# SPDX-License-Identifier: Apache-2.0
"""Looks for what was planted, in a file's raw bytes and in other encodings of its characters."""

from __future__ import annotations

import re

from tests.deid.corpus import Planted

_CORE = re.compile(rb"MK[0-9]{8}")
# ASCII is itself in UTF-8 and in all of ISO 2022; in UTF-16 there is a zero between
_WIDE = re.compile(rb"M\0K(?:\0[0-9]){8}")
_WIDE_VALUE = re.compile(rb"(?:[0-9.]\0){7,}[0-9.]")
# a marker's twin: where one of its digits begins, as the bytes before and behind the one that counts, and from which on
_TWINS = tuple(
    (re.compile(rb"(?:" + re.escape(before) + b"[" + re.escape(bytes((first,))) + b"-" + re.escape(bytes((first + 9,)))
                + b"]" + re.escape(behind) + rb"){8}"), len(before), len(before) + 1 + len(behind), first)
    for before, first, behind in (
        (b"\xef\xbc", 0x90, b""),  # full-width, UTF-8
        (b"", 0x10, b"\xff"),  # UTF-16, little endian
        (b"\xff", 0x10, b""),  # big endian
        (b"#", 0x30, b""),  # ISO 2022 IR 87
        (b"\xa3", 0xB0, b""),  # GB18030, GBK, EUC, ISO 2022 IR 58 and 149
        (b"\x82", 0x4F, b""),  # Shift JIS
        (b"", 0xC0, b""),  # accents, Latin-1
        (b"\xc3", 0x80, b""),  # UTF-8
        (b"", 0xC0, b"\0"),  # UTF-16, little endian
        (b"\0", 0xC0, b""),  # big endian
    )
)  # fmt: skip
_PART_OF_MORE = frozenset(b"0123456789.")


def residue(content: bytes, planted: Planted) -> list[str]:
    """The place of each marker and whole value that is in the bytes."""
    found = [planted.markers.get(match.decode(), "unknown marker") for match in _CORE.findall(content)]
    found += [planted.markers.get(match[::2].decode(), "in UTF-16") for match in _WIDE.findall(content)]
    for pattern, at, size, first in _TWINS:
        for match in pattern.findall(content):
            number = "".join(str(byte - first) for byte in match[at::size])
            found += [planted.markers[f"MK{number}"]] if f"MK{number}" in planted.markers else []
    wide = b" ".join(match[::2] for match in _WIDE_VALUE.findall(content))
    found += [place for value, place in planted.values.items() if wide and _stands_in(value.encode(), wide)]
    return found + [place for value, place in planted.values.items() if _stands_in(value.encode(), content)]


def _stands_in(value: bytes, content: bytes) -> bool:
    """Whether a value begins somewhere; what follows may look like a digit and be the next tag."""
    at = content.find(value)
    while at >= 0:
        if at == 0 or content[at - 1] not in _PART_OF_MORE:
            return True
        at = content.find(value, at + 1)
    return False
