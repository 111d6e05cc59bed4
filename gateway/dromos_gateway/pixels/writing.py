# SPDX-License-Identifier: Apache-2.0
"""The file that is written, part by part: head and header, pixels frame by frame, what follows them."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dromos_gateway.header.encoding import EXPLICIT, ITEM, SEQUENCE_DELIMITER, UNDEFINED, Encoding
from dromos_gateway.header.output import write_at
from dromos_gateway.header.writing import element
from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit

_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
_MOST_BASIC = 0xFFFFFFFF
_DEFLATE_LEVEL = 6
_GATHERED = 1 << 20  # bytes
_MOST_PARTS = 1000  # the kernel takes 1024


class Sink(Protocol):
    """Where bytes go."""

    def write(self, block: Buffer, /) -> object:
        """Take them."""


class Target:
    """A file that is written anew: ``with Target(path) as target:``. What is written is gathered, and small files go in
    one call. One that is there is written over, and ends where the new one does.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._parts: list[Buffer] = []
        self._gathered = 0
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._flush()
                if os.fstat(self._fd).st_size > self._written:
                    os.ftruncate(self._fd, self._written)
        finally:
            os.close(self._fd)

    def write(self, block: Buffer, /) -> None:
        """Take a block, which must stay as it is for the while."""
        self._parts.append(block)
        self._gathered += len(block)
        if self._gathered > _GATHERED or len(self._parts) >= _MOST_PARTS:
            self._flush()

    def tell(self) -> int:
        """Where the next block goes."""
        return self._written + self._gathered

    def fill_in(self, place: int, block: bytes) -> None:
        """Overwrite bytes written before."""
        self._flush()
        write_at(self._fd, block, place)

    def _flush(self) -> None:
        parts, self._parts, end = self._parts, [], self.tell()
        done = os.pwritev(self._fd, parts, self._written) if parts else 0
        if done < self._gathered:  # a full disk says so at the next attempt
            write_at(self._fd, b"".join(parts)[done:], self._written + done)
        self._written, self._gathered = end, 0


class Deflated:
    """A sink that deflates (PS3.5 A.5); `close` ends the stream, padded to even length."""

    def __init__(self, file: Sink) -> None:
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


def write_encapsulated(file: Target, frames: Iterable[Buffer], count: int, expected: int) -> int:
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
        file.fill_in(places, struct.pack(f"<{count}Q", *offsets))
        file.fill_in(places + 8 * count + 12, struct.pack(f"<{count}Q", *lengths))
    elif count > 1:  # the first one is 0
        file.fill_in(table, struct.pack(f"<{count}L", *offsets))
    return total


def _item(tag: int, length: int) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, length)
