# SPDX-License-Identifier: Apache-2.0
"""How a transfer syntax writes an element's head: tag, VR and length (PS3.5 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dromos_gateway.header.errors import MalformedDataSet, named
from dromos_gateway.header.source import Source
from dromos_gateway.header.vr import LONG, SHORT, vr_of

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_DELIMITER: Final = 0xFFFEE00D
SEQUENCE_DELIMITER: Final = 0xFFFEE0DD
PIXEL_DATA: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))  # Float, Double Float, Pixel Data
_DELIMITERS: Final = frozenset((ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER))

# tag, VR, position of the value, its length or UNDEFINED
Head = tuple[int, bytes, int, int]


@dataclass(frozen=True, slots=True)
class Encoding:
    """Implicit or explicit VR, byte order, deflated or not."""

    explicit: bool
    big_endian: bool
    deflated: bool

    @property
    def order(self) -> str:
        """struct's mark of the byte order."""
        return ">" if self.big_endian else "<"

    @property
    def head_at(self) -> Callable[[Source, int, int], Head]:
        """A function (source, position, end): the head of the element there."""
        if not self.explicit:
            return implicit_head
        return explicit_big_head if self.big_endian else explicit_head


IMPLICIT: Final = Encoding(explicit=False, big_endian=False, deflated=False)
EXPLICIT: Final = Encoding(explicit=True, big_endian=False, deflated=False)
BIG_ENDIAN: Final = Encoding(explicit=True, big_endian=True, deflated=False)
DEFLATED: Final = Encoding(explicit=True, big_endian=False, deflated=True)
_BY_UID: Final = {
    "1.2.840.10008.1.2": IMPLICIT,
    "1.2.840.10008.1.2.2": BIG_ENDIAN,
    "1.2.840.10008.1.2.1.99": DEFLATED,
    "1.2.840.10008.1.2.4.95": DEFLATED,  # JPIP Referenced Deflate
    "1.2.840.10008.1.2.4.205": DEFLATED,  # JPIP HTJ2K Referenced Deflate
}


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Explicit VR little endian for all that aren't known to be something else (PS3.5 A.4)."""
    return _BY_UID.get(transfer_syntax_uid, EXPLICIT)


_EXPLICIT, _EXPLICIT_BIG = struct.Struct("<HH2sH").unpack_from, struct.Struct(">HH2sH").unpack_from
_IMPLICIT = struct.Struct("<HHI").unpack_from
_LENGTH, _LENGTH_BIG = struct.Struct("<I").unpack_from, struct.Struct(">I").unpack_from


def implicit_head(source: Source, position: int, end: int) -> Head:
    """Implicit VR little endian; the VR comes from the dictionary."""
    at = position - source.base
    if at < 0 or at + 8 > len(source.block):
        source.load(position, 8)
        at = position - source.base
    group, element, length = _IMPLICIT(source.block, at)
    tag = group << 16 | element
    value = position + 8
    if value > end or (length != UNDEFINED and value + length > end):
        raise _too_long(tag, position)
    return tag, vr_of(tag), value, length


def explicit_head(source: Source, position: int, end: int) -> Head:
    """Explicit VR little endian."""
    at = position - source.base
    if at < 0 or at + 12 > len(source.block):
        source.load(position, min(12, max(source.end - position, 8)))
        at = position - source.base
    group, element, vr, length = _EXPLICIT(source.block, at)
    return _explicit(group << 16 | element, vr, length, source, position, end, _LENGTH)


def explicit_big_head(source: Source, position: int, end: int) -> Head:
    """Explicit VR big endian."""
    at = position - source.base
    if at < 0 or at + 12 > len(source.block):
        source.load(position, min(12, max(source.end - position, 8)))
        at = position - source.base
    group, element, vr, length = _EXPLICIT_BIG(source.block, at)
    return _explicit(group << 16 | element, vr, length, source, position, end, _LENGTH_BIG)


def _explicit(
    tag: int,
    vr: bytes,
    length: int,
    source: Source,
    position: int,
    end: int,
    length_at: Callable[[bytes, int], tuple[int, ...]],
) -> Head:
    if vr in SHORT:
        value = position + 8
    elif vr in LONG:
        if position + 12 > end:
            raise _too_long(tag, position)
        value = position + 12
        length = length_at(source.block, position + 8 - source.base)[0]
    elif tag in _DELIMITERS:
        value = position + 8
        length = length_at(source.block, position + 4 - source.base)[0]
    else:
        raise MalformedDataSet(f"{named(tag)} has no VR that PS3.5 knows", position)
    if value > end or (length != UNDEFINED and value + length > end):
        raise _too_long(tag, position)
    return tag, vr, value, length


def _too_long(tag: int, position: int) -> MalformedDataSet:
    return MalformedDataSet(f"{named(tag)} is longer than what holds it", position)
