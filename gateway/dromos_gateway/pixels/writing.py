# SPDX-License-Identifier: Apache-2.0
"""The file that is written, part by part: head and header, pixels frame by frame, what follows them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from io import BufferedWriter
from typing import Protocol

from dromos_gateway.header.encoding import EXPLICIT, ITEM, SEQUENCE_DELIMITER, UNDEFINED, Encoding
from dromos_gateway.header.writing import element
from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit

_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_MOST_BASIC = 0xFFFFFFFF
_DEFLATE_LEVEL = 6


class Sink(Protocol):
    """Where bytes go."""

    def write(self, block: Buffer, /) -> object:
        """Take them."""


class Deflated:
    """A sink that deflates (PS3.5 A.5); `close` ends the stream, padded to even length."""

    def __init__(self, file: BufferedWriter) -> None:
        self._file = file
        self._deflater = zlib.compressobj(_DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._count = 0

    def write(self, block: Buffer, /) -> None:
        """Deflate a block."""
        self._put(self._deflater.compress(block))

    def close(self) -> None:
        """End the stream."""
        self._put(self._deflater.flush())
        self._put(bytes(self._count % 2))

    def _put(self, deflated: bytes) -> None:
        self._count += len(deflated)
        self._file.write(deflated)


def write_native(sink: Sink, tag: int, vr: bytes, length: int, blocks: Iterable[Buffer], encoding: Encoding) -> None:
    """A pixel element of `length` bytes, made even. The blocks together are that long."""
    order, padded = encoding.order, length + length % 2
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    sink.write(head + (vr + struct.pack(order + "HL", 0, padded) if encoding.explicit else struct.pack("<L", padded)))
    written = 0
    for block in blocks:
        sink.write(block)
        written += len(block)
    if written != length:
        raise Unfit(f"Pixel Data came to {written} bytes instead of {length}")
    sink.write(bytes(length % 2))


def write_encapsulated(file: BufferedWriter, frames: Iterable[Buffer], count: int, expected: int) -> int:
    """Pixel Data with a fragment for each frame and the table of their offsets, which is filled in at the end.
    Returns the length of all code streams.

    `expected` bytes beyond what a basic offset table can point at make an extended one.
    """
    extended = expected > _MOST_BASIC
    if extended:
        file.write(element(_EXTENDED_OFFSETS, b"OV", bytes(8 * count), EXPLICIT))
        places = file.tell() - 8 * count
        file.write(element(_EXTENDED_LENGTHS, b"OV", bytes(8 * count), EXPLICIT))
    file.write(struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED))
    table = file.tell() + 8
    file.write(_item(ITEM, 0 if extended else 4 * count) + bytes(0 if extended else 4 * count))
    first = file.tell()
    offsets, lengths, total = [], [], 0
    for frame in frames:
        offsets.append(file.tell() - first)
        lengths.append(len(frame))
        total += len(frame)
        file.write(_item(ITEM, len(frame) + len(frame) % 2))
        file.write(frame)
        file.write(bytes(len(frame) % 2))
    file.write(_item(SEQUENCE_DELIMITER, 0))
    if extended:
        fill_in(file, places, struct.pack(f"<{count}Q", *offsets))
        fill_in(file, places + 8 * count + 12, struct.pack(f"<{count}Q", *lengths))
    elif count > 1:  # the first one is 0
        fill_in(file, table, struct.pack(f"<{count}L", *offsets))
    return total


def fill_in(file: BufferedWriter, place: int, block: bytes) -> None:
    """Overwrite bytes written before."""
    end = file.tell()
    file.seek(place)
    file.write(block)
    file.seek(end)


def _item(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)
