# SPDX-License-Identifier: Apache-2.0
"""The root-level elements of a data set, found without decoding values (PS3.5 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dromos_gateway.pixels.outcome import Unfit

Buffer = bytes | memoryview

FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010
PIXEL_ELEMENTS = frozenset((FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA))
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_DEPTH = 64
_BAD = "the data set is broken: "


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written."""

    explicit: bool
    little: bool = True

    @property
    def order(self) -> str:
        """Byte order in the notation of `struct`."""
        return "<" if self.little else ">"


EXPLICIT = Encoding(explicit=True)
IMPLICIT = Encoding(explicit=False)
BIG_ENDIAN = Encoding(explicit=True, little=False)


@dataclass(frozen=True, slots=True)
class Element:
    """Where one element lies: `start` of its tag, `value` and `end` of its value. `length` is as written."""

    tag: int
    vr: bytes
    start: int
    value: int
    length: int
    end: int


def walk(data: Buffer, offset: int, encoding: Encoding) -> Iterator[Element]:
    """The root-level elements from `offset`, up to the pixels and with them.

    Pixels of undefined length end where they begin.
    """
    end = len(data)
    while offset < end:
        element = read(data, offset, encoding)
        if element.tag in PIXEL_ELEMENTS and element.length == UNDEFINED:
            yield element
            return
        if element.length == UNDEFINED:
            nested = encoding if element.vr != b"UN" else IMPLICIT
            element = Element(
                element.tag, element.vr, element.start, element.value, UNDEFINED, _skip(data, element.value, nested, 0)
            )
        if element.end > end:
            raise Unfit(_BAD + f"element {element.tag:08X} is longer than the file")
        yield element
        offset = element.end


def read(data: Buffer, offset: int, encoding: Encoding) -> Element:
    """The element at `offset`; the end of an undefined length is where the value begins."""
    try:
        group, number = struct.unpack_from(encoding.order + "HH", data, offset)
        tag = group << 16 | number
        vr, value = b"", offset + 8
        if encoding.explicit and group != 0xFFFE:
            vr = bytes(data[offset + 4 : offset + 6])
            if vr in _LONG:
                value = offset + 12
                (length,) = struct.unpack_from(encoding.order + "L", data, offset + 8)
            else:
                (length,) = struct.unpack_from(encoding.order + "H", data, offset + 6)
        else:
            (length,) = struct.unpack_from(encoding.order + "L", data, offset + 4)
    except struct.error:
        raise Unfit(_BAD + "it ends in the middle of an element") from None
    return Element(tag, vr, offset, value, length, value if length == UNDEFINED else value + length)


def _skip(data: Buffer, offset: int, encoding: Encoding, depth: int) -> int:
    """The end of a sequence of undefined length whose first item is at `offset`."""
    if depth > _DEPTH:
        raise Unfit(_BAD + f"sequences are nested more than {_DEPTH} deep")
    while True:
        item = read(data, offset, encoding)
        if item.tag == SEQUENCE_END:
            return item.value
        if item.tag != ITEM:
            raise Unfit(_BAD + "a sequence has something other than items")
        offset = item.end if item.length != UNDEFINED else _skip_item(data, item.value, encoding, depth)


def _skip_item(data: Buffer, offset: int, encoding: Encoding, depth: int) -> int:
    while True:
        element = read(data, offset, encoding)
        if element.tag == ITEM_END:
            return element.value
        if element.length == UNDEFINED:
            nested = encoding if element.vr != b"UN" else IMPLICIT
            offset = _skip(data, element.value, nested, depth + 1)
        else:
            offset = element.end


def write(tag: int, vr: bytes, value: bytes) -> bytes:
    """An element in explicit VR little endian; the value is padded to even length."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB", b"UN") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in _LONG:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value
