# SPDX-License-Identifier: Apache-2.0
"""Where elements and items end, without keeping anything of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from dromos_gateway.header.encoding import (
    IMPLICIT,
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    Encoding,
)
from dromos_gateway.header.errors import MalformedDataSet, named
from dromos_gateway.header.source import Source

_ITEM, _ITEM_BIG = struct.Struct("<HHI").unpack_from, struct.Struct(">HHI").unpack_from
ITEM_MARK: Final = b"\xfe\xff\x00\xe0"  # an item's tag, little endian
MAX_DEPTH: Final = 64  # deeper than any information object, far from Python's own limit


def value_end(source: Source, vr: bytes, value: int, length: int, end: int, encoding: Encoding, depth: int) -> int:
    """Where the element ends whose value begins at `value`, its delimiter included."""
    if length != UNDEFINED:
        return value + length
    if vr in (b"SQ", b"UN"):
        for _, _, stop in items(source, value, UNDEFINED, end, IMPLICIT if vr == b"UN" else encoding, depth):
            value = stop
        return value + 8
    return _fragments_end(source, value, end, encoding)


def items(
    source: Source, value: int, length: int, end: int, encoding: Encoding, depth: int
) -> Iterator[tuple[int, int, int]]:
    """(position of the content, its length or UNDEFINED, where the item ends) of each item of a sequence.

    With an undefined `length` the walk ends before the Sequence Delimitation Item, which is checked.
    """
    if depth >= MAX_DEPTH:
        raise MalformedDataSet(f"sequences are nested more than {MAX_DEPTH} deep", value)
    stop = end if length == UNDEFINED else value + length
    while length == UNDEFINED or value < stop:
        tag, _, content, size = item_head(source, value, stop, encoding)
        if tag == SEQUENCE_DELIMITER and length == UNDEFINED:
            return
        if tag != ITEM:
            raise MalformedDataSet(f"{named(tag)} where an item of a sequence belongs", value)
        after = content + size if size != UNDEFINED else _item_end(source, content, stop, encoding, depth + 1)
        yield content, size, after
        value = after


def item_head(source: Source, position: int, end: int, encoding: Encoding) -> tuple[int, bytes, int, int]:
    """Items and delimiters have no VR, whatever the transfer syntax (PS3.5 7.5)."""
    if position + 8 > end:
        raise MalformedDataSet("a sequence ends without its delimiter", position)
    at = position - source.base
    block, at = (source.block, at) if 0 <= at <= len(source.block) - 8 else (source.peek(position, 8), 0)
    group, element, length = _ITEM_BIG(block, at) if encoding.big_endian else _ITEM(block, at)
    tag = group << 16 | element
    if length != UNDEFINED and position + 8 + length > end:
        raise MalformedDataSet(f"{named(tag)} is longer than what holds it", position)
    return tag, b"", position + 8, length


def _item_end(source: Source, position: int, end: int, encoding: Encoding, depth: int) -> int:
    head_at = encoding.head_at
    while position < end:
        tag, vr, value, length = head_at(source, position, end)
        if tag == ITEM_DELIMITER:
            return value
        if tag >> 16 == 0xFFFE:
            raise MalformedDataSet(f"{named(tag)} where an element belongs", position)
        position = value_end(source, vr, value, length, end, encoding, depth)
    raise MalformedDataSet("an item ends without its delimiter", position)


def fragments(source: Source, position: int, end: int, encoding: Encoding) -> Iterator[tuple[int, int]]:
    """(position of the content, its length) of each item of encapsulated pixel data, the offset table first.

    They have a defined length, and the delimiter is behind them (PS3.5 A.4).
    """
    while True:
        tag, _, content, size = item_head(source, position, end, encoding)
        if tag == SEQUENCE_DELIMITER:
            return
        if tag != ITEM or size == UNDEFINED:
            raise MalformedDataSet(f"{named(tag)} where a fragment belongs", position)
        yield content, size
        position = content + size


def _fragments_end(source: Source, position: int, end: int, encoding: Encoding) -> int:
    for content, size in fragments(source, position, end, encoding):
        position = content + size
    return position + 8


def holds_items(source: Source, value: int, stop: int) -> bool:
    """Whether a value whose VR nobody knows is a sequence: as such it is in implicit VR little endian (PS3.5 6.2.2)."""
    return stop - value >= len(ITEM_MARK) and source.peek(value, len(ITEM_MARK)) == ITEM_MARK


def length_before(source: Source, value: int, encoding: Encoding) -> int:
    """What the head in front of a value says, of those with four bytes for it."""
    return int.from_bytes(source.peek(value - 4, 4), "big" if encoding.big_endian else "little")


def tags_within(source: Source, value: int, length: int, end: int, encoding: Encoding, depth: int = 0) -> set[int]:
    """Every tag inside a sequence, at any depth."""
    found: set[int] = set()
    head_at = encoding.head_at
    for content, _, after in items(source, value, length, end, encoding, depth):
        position = content
        while position < after:
            tag, vr, inner, size = head_at(source, position, after)
            if tag == ITEM_DELIMITER:
                break
            found.add(tag)
            position = value_end(source, vr, inner, size, after, encoding, depth + 1)
            if vr == b"SQ" or (vr == b"UN" and size == UNDEFINED):
                within = IMPLICIT if vr == b"UN" else encoding
                found |= tags_within(source, inner, size, position, within, depth + 1)
    return found
