# SPDX-License-Identifier: Apache-2.0
"""Instances as nobody should make them, at random: any VR at any tag, sequences that don't look like any, lost lengths.

What is planted in attributes of Table E.1-1, in private ones and in items is a marker: none of it may come out.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from tests.deid.corpus import attributes
from tests.deid.writer import Style, part10

_CLASSES = ("2", "4", "4.1", "6.1", "128", "481.5", "11.1", "77.1.6")
_SHORT = (
    "AE",
    "AS",
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
    "ST",
    "TM",
    "UI",
    "UL",
    "US",
    "SS",
)
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SV", "UC", "UN", "UR", "UT", "UV")
# no row of the table, and kept: texts, numbers, a date, a UID, sequences
_UNLISTED = (0x00080060, 0x00180015, 0x00280010, 0x00280301, 0x00200013, 0x00081115, 0x00082218, 0x00283010, 0x0040A043)
_CREATORS = (b"GEMS_ACQU_01", b"ACME 1.1", b"SIEMENS MR HEADER ", b"")
MARKER = b"MKQX"


def instance(seed: int, style: Style | None = None) -> bytes:
    """One Part 10 file; the same for the same seed."""
    generator = random.Random(f"strange {seed}")
    style = style or Style(explicit=seed % 3 != 1)
    sop_class = f"1.2.840.10008.5.1.4.1.1.{generator.choice(_CLASSES)}"
    found: dict[int, bytes] = {}
    for tag, value in ((0x00080016, sop_class), (0x00080018, f"1.2.999.{seed}.1"), (0x0020000D, f"1.2.999.{seed}.2"),
                       (0x0020000E, f"1.2.999.{seed}.3")):  # fmt: skip
        found[tag] = _element(tag, "UI", _even(value.encode(), b"\0"), style)
    found[0x00100020] = _element(0x00100020, "LO", _even(MARKER + b"%d" % (seed % 7), b" "), style)
    for tag, content in _some(generator, style, generator.randrange(4, 40), 0):
        found.setdefault(tag, content)
    body = b"".join(found[tag] for tag in sorted(found))
    return part10(sop_class, f"1.2.999.{seed}.1", body, style)


def _some(generator: random.Random, style: Style, count: int, depth: int) -> Iterator[tuple[int, bytes]]:
    """Elements by tag, in no order."""
    table = attributes()
    for number in range(count):
        kind = generator.randrange(10)
        if kind < 5:
            tag, usual = generator.choice(table)
            if tag in (0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00100020):
                continue
            yield tag, _any(generator, style, tag, usual, depth, planted=True)
        elif kind < 7:
            yield (tag := generator.choice(_UNLISTED)), _any(generator, style, tag, "", depth, planted=False)
        else:
            block = generator.choice((0x10, 0x11))
            group = generator.choice((0x0009, 0x0019, 0x0021))
            creator = group << 16 | block
            yield creator, _element(creator, "LO", _even(generator.choice(_CREATORS), b" "), style)
            tag = group << 16 | block << 8 | generator.choice((0x01, 0x23, 0x0C, number % 0x80))
            yield tag, _any(generator, style, tag, "", depth, planted=True)


def _any(generator: random.Random, style: Style, tag: int, usual: str, depth: int, *, planted: bool) -> bytes:
    """An element with a value that fits, mostly; or one that is a sequence, says so or not, and ends or not."""
    vr = (
        usual
        if usual and generator.random() < 0.4
        else generator.choice(("SQ", *_LONG) if depth == 0 else _SHORT + _LONG)
    )
    if not usual and generator.random() < 0.5:
        vr = generator.choice(_SHORT)
    kind = generator.randrange(8)
    inner = style if vr != "UN" else Style(explicit=False)
    if vr == "SQ" or (kind == 0 and vr in _LONG and depth < 3):
        items = b"".join(_item(generator, inner, depth) for _ in range(generator.randrange(3)))
        # with a length, and a VR of text, it would be a text like any other
        text = not planted and (not style.explicit or vr in ("UC", "UR", "UT"))
        if generator.random() < 0.4 or text:
            return _head(tag, vr, None, style) + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return _head(tag, vr, len(items), style) + items
    return _element(tag, vr, _value(generator, vr, planted=planted), style)


def _item(generator: random.Random, style: Style, depth: int) -> bytes:
    found = {0x00100010: _element(0x00100010, "PN", _even(MARKER + b"^Jane", b" "), style)}
    for tag, content in _some(generator, style, generator.randrange(3), depth + 1):
        found.setdefault(tag, content)
    body = b"".join(found[tag] for tag in sorted(found))
    if generator.random() < 0.5:
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body
    return struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + body + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)


def _value(generator: random.Random, vr: str, *, planted: bool) -> bytes:
    number = generator.randrange(100)
    if vr in ("DA", "TM", "DT", "AS", "DS", "IS", "UI"):
        return _even(generator.choice({
            "DA": (b"20210615", b"2021.06.15", b"", b"20211399", b"20210615\\20210616"), "TM": (b"101500", b"10", b"", b"99"),
            "DT": (b"20210615101500+0100", b"2021", b""), "AS": (b"043Y", b"", b"43"), "DS": (b"1.5", b"1e5\\2", b"x"),
            "IS": (b"7", b"", b"-1"), "UI": (b"1.2.999.%d" % number, b"1.2.840.10008.5.1.4.1.1.2", b"", b"1.2.3\\1.2.4"),
        }[vr]), b"\0" if vr == "UI" else b" ")  # fmt: skip
    size = {"FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8, "FL": 4, "OF": 4, "OL": 4, "UL": 4, "US": 2, "SS": 2}.get(
        vr, 1
    )
    if size > 1 and not planted:
        return bytes(size)
    if not planted:
        return generator.choice((b"", b"HEAD", b"CT"))
    if size > 1 or vr in ("OB", "OW", "UN"):
        return MARKER * 2 * generator.randrange(1, 3)
    return generator.choice((b"", MARKER + b"%04d" % number, MARKER + b"\\" + MARKER))


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value


def _element(tag: int, vr: str, value: bytes, style: Style) -> bytes:
    value = _even(value, b" ")
    return _head(tag, vr, len(value), style) + value


def _head(tag: int, vr: str, length: int | None, style: Style) -> bytes:
    size = 0xFFFFFFFF if length is None else length
    if not style.explicit:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, size)
    if vr == "SQ" or vr in _LONG:
        return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, size)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), size)
