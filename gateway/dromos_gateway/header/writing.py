# SPDX-License-Identifier: Apache-2.0
"""Elements as bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from dromos_gateway.header.encoding import ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED, Encoding
from dromos_gateway.header.vr import LONG

_SHORTEST_LONG: Final = 0x10000
_HEADS: Final = ("HHI", "HH2sH", "HH2sHI")  # implicit, short VRs, long VRs
_LITTLE, _BIG = (tuple(struct.Struct(order + head).pack for head in _HEADS) for order in "<>")


def element(tag: int, vr: bytes, value: bytes, encoding: Encoding) -> bytes:
    """One element with its value, which has even length. ValueError when the VR can't hold so long a one."""
    implicit, short, long = _BIG if encoding.big_endian else _LITTLE
    group, number, length = tag >> 16, tag & 0xFFFF, len(value)
    if not encoding.explicit:
        return implicit(group, number, length) + value
    if vr in LONG:
        return long(group, number, vr, 0, length) + value
    if length >= _SHORTEST_LONG:
        raise ValueError(f"a value of VR {vr.decode('ascii')} is longer than 65,534 bytes")
    return short(group, number, vr, length) + value


def sequence(tag: int, items: Iterable[Iterable[tuple[int, bytes, bytes]]], encoding: Encoding) -> bytes:
    """A sequence of undefined length; each item is (tag, VR, value) of its elements."""
    order = encoding.order
    parts = [element(tag, b"SQ", b"", encoding)[:-4], struct.pack(f"{order}I", UNDEFINED)]
    for item in items:
        parts.append(_delimiter(ITEM, UNDEFINED, order))
        parts += [element(inner, vr, value, encoding) for inner, vr, value in item]
        parts.append(_delimiter(ITEM_DELIMITER, 0, order))
    parts.append(_delimiter(SEQUENCE_DELIMITER, 0, order))
    return b"".join(parts)


def _delimiter(tag: int, length: int, order: str) -> bytes:
    return struct.pack(f"{order}HHI", tag >> 16, tag & 0xFFFF, length)
