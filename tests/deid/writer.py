# SPDX-License-Identifier: Apache-2.0
"""Data sets as bytes, written without any code of the product, in the encodings that there are."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])

Leaf = tuple[int, str, bytes]
Node = tuple[int, str, "bytes | list[list[Node]]"]


@dataclass(frozen=True)
class Style:
    """Implicit or explicit VR, byte order, lengths of sequences defined or not."""

    explicit: bool = True
    big: bool = False
    undefined: bool = False

    @property
    def syntax(self) -> str:
        """The transfer syntax."""
        return "1.2.840.10008.1.2" + (".2" if self.big else ".1" if self.explicit else "")


@dataclass(frozen=True)
class Deflated(Style):
    """Explicit VR little endian, deflated by whoever writes it."""

    @property
    def syntax(self) -> str:
        """The transfer syntax."""
        return "1.2.840.10008.1.2.1.99"


def data_set(nodes: Iterable[Node], style: Style) -> bytes:
    """Elements in the order of their tags; a sequence's value is a list of items."""
    return b"".join(_element(tag, vr, value, style) for tag, vr, value in sorted(nodes, key=lambda node: node[0]))


def part10(sop_class: str, sop_instance: str, body: bytes, style: Style) -> bytes:
    """A file."""
    meta = b"".join(
        _element(tag, vr, value, Style())
        for tag, vr, value in (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", sop_class.encode()),
            (0x00020003, "UI", sop_instance.encode()),
            (0x00020010, "UI", style.syntax.encode()),
        )
    )
    return (
        b"PREAMBLE"
        + bytes(120)
        + b"DICM"
        + _element(0x00020000, "UL", struct.pack("<I", len(meta)), Style())
        + meta
        + body
    )


def _element(tag: int, vr: str, value: bytes | list[list[Node]], style: Style) -> bytes:
    order = ">" if style.big else "<"
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    length = None
    if isinstance(value, list):
        value = b"".join(_item(item, style) for item in value)
        if style.undefined:
            value += struct.pack(f"{order}HHI", 0xFFFE, 0xE0DD, 0)
            length = 0xFFFFFFFF
    elif len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    length = len(value) if length is None else length
    if not style.explicit:
        return head + struct.pack(f"{order}I", length) + value
    if vr in _LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(f"{order}I", length) + value
    return head + vr.encode() + struct.pack(f"{order}H", length) + value


def _item(nodes: list[Node], style: Style) -> bytes:
    order = ">" if style.big else "<"
    body = data_set(nodes, style)
    if not style.undefined:
        return struct.pack(f"{order}HHI", 0xFFFE, 0xE000, len(body)) + body
    start, end = (
        struct.pack(f"{order}HHI", 0xFFFE, number, length) for number, length in ((0xE000, 0xFFFFFFFF), (0xE00D, 0))
    )
    return start + body + end
