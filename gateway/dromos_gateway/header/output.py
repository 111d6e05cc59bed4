# SPDX-License-Identifier: Apache-2.0
"""What is written when a data set changes: new bytes, and ranges of the source that stay as they are.

`Pieces` keeps new bytes in memory and ranges as positions; `Counting` only counts; `Spilled` writes into a file as it
goes, for headers that are larger than memory allows.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Protocol

from dromos_gateway.header.source import Source

SMALL: Final = 64 * 1024  # ranges up to this size are copied in memory
MOST: Final = 8 * 1024 * 1024  # new bytes in memory
_CHUNK: Final = 1024 * 1024
_BUFFER: Final = 1024 * 1024  # ranges of one file that go through memory
_MOST_BUFFERS: Final = 256
_SPARE: list[bytearray] = []  # a new buffer costs its pages each time
# where in the data set, bytes or None, range of the source
Piece = tuple[int, bytearray | None, int, int]


class TooLarge(Exception):
    """The new bytes of a header don't fit into memory: write them as they come."""


class Sink(Protocol):
    """Takes the new data set, front to back."""

    total: int

    def write(self, data: bytes) -> None:
        """New bytes."""

    def splice(self, source: Source, start: int, stop: int, new: bytes) -> None:
        """A range of the source, perhaps an empty one, then new bytes."""

    def patch(self, at: int, data: bytes) -> None:
        """Write over bytes that went in at `at`: a length that is known only now."""


class Pieces:
    """New bytes in memory, long ranges as positions in the source. `TooLarge` beyond 8 MiB."""

    def __init__(self) -> None:
        self.total = 0
        self.ranges: list[Piece] = []
        self._bytes = bytearray()
        self._at = 0
        self._room = MOST

    def write(self, data: bytes) -> None:
        """New bytes."""
        self._bytes += data
        self.total += len(data)
        if len(self._bytes) > self._room:
            raise TooLarge

    def splice(self, source: Source, start: int, stop: int, new: bytes) -> None:
        """A range; short ones are read. Then new bytes."""
        at, length = start - source.base, stop - start
        if length <= SMALL and at >= 0 and stop - source.base <= len(source.block):
            self._bytes += source.block[at : at + length]
            self.total += length
        elif length <= SMALL or source.whereabouts(0)[0] < 0:
            self.write(source.read(start, length) if length else b"")
        else:
            self._seal()
            self.ranges.append((self.total, None, start, stop))
            self.total += length
            self._at = self.total
        if new:
            self._bytes += new
            self.total += len(new)
        if len(self._bytes) > self._room:
            raise TooLarge

    def patch(self, at: int, data: bytes) -> None:
        """Write over what went in."""
        if at >= self._at:
            self._bytes[at - self._at : at - self._at + len(data)] = data
            return
        index = bisect_right(self.ranges, at, key=lambda found: found[0]) - 1
        begin, kept, _, _ = self.ranges[index]
        if kept is None:
            raise AssertionError("a length is always written, never copied as part of a long range")
        kept[at - begin : at - begin + len(data)] = data

    def finish(self) -> list[Piece]:
        """All pieces."""
        self._seal()
        return self.ranges

    def _seal(self) -> None:
        if self._bytes:
            self.ranges.append((self._at, self._bytes, 0, 0))
            self._room -= len(self._bytes)
        self._bytes = bytearray()
        self._at = self.total


class Counting:
    """Counts: what is to be known before the first byte is written becomes known on the way."""

    def __init__(self) -> None:
        self.total = 0

    def write(self, data: bytes) -> None:
        """Count."""
        self.total += len(data)

    def splice(self, source: Source, start: int, stop: int, new: bytes) -> None:
        """Count."""
        self.total += stop - start + len(new)

    def patch(self, at: int, data: bytes) -> None:
        """Nothing to write over."""


class Spilled:
    """Writes into an open file, behind what is there."""

    def __init__(self, fd: int, offset: int) -> None:
        self.total = 0
        self._fd = fd
        self._offset = offset
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        """New bytes."""
        self._pending += data
        self.total += len(data)
        if len(self._pending) > _CHUNK:
            self.flush()

    def splice(self, source: Source, start: int, stop: int, new: bytes) -> None:
        """A range, then new bytes."""
        if stop - start > SMALL:
            self.flush()
            fd, offset = source.whereabouts(start)
            copy_range(fd, offset, self._fd, self._offset + self.total, stop - start)
            self.total += stop - start
        elif stop > start:
            self.write(source.read(start, stop - start))
        self.write(new)

    def patch(self, at: int, data: bytes) -> None:
        """Write over what went in."""
        self.flush()
        os.pwrite(self._fd, data, self._offset + at)

    def flush(self) -> None:
        """Everything is in the file."""
        write_at(self._fd, self._pending, self._offset + self.total - len(self._pending))
        self._pending = bytearray()


def write_pieces(fd: int, head: bytes, pieces: Sequence[Piece], source: Source) -> None:
    """A whole file: `head`, then the pieces. Short files in one call, by way of memory, which is faster than a copy
    in the kernel; the ranges of longer ones are copied there."""
    wanted = sum(stop - start for _, data, start, stop in pieces if data is None)
    if wanted > _BUFFER or len(pieces) > _MOST_BUFFERS:
        write_at(fd, head, 0)
        for at, data, start, stop in pieces:
            if data is not None:
                write_at(fd, data, len(head) + at)
            else:
                origin, position = source.whereabouts(start)
                copy_range(origin, position, fd, len(head) + at, stop - start)
        return
    buffer = _SPARE.pop() if _SPARE else bytearray(_BUFFER)
    view, used = memoryview(buffer), 0
    buffers: list[bytes | bytearray | memoryview] = [head]
    for _, data, start, stop in pieces:
        if data is None:
            _read_into(view[used : used + stop - start], source, start)
            buffers.append(view[used : used + stop - start])
            used += stop - start
        else:
            buffers.append(data)
    done = os.pwritev(fd, buffers, 0)
    if done != sum(map(len, buffers)):  # a full disk says so at the next attempt
        write_at(fd, b"".join(buffers)[done:], done)
    _SPARE.append(buffer)


def _read_into(into: memoryview, source: Source, start: int) -> None:
    fd, offset = source.whereabouts(start)
    done = 0
    while done < len(into):
        more = os.preadv(fd, [into[done:]], offset + done)
        if not more:
            raise EOFError("the source ended before its range")
        done += more


def write_at(fd: int, data: bytes | bytearray, offset: int) -> None:
    """All of the bytes, in one place of a file."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def copy_range(source: int, start: int, target: int, at: int, length: int) -> None:
    """From one file into another, in the kernel where it can. OSError; EOFError when the source is shorter."""
    while length:
        try:
            done = os.copy_file_range(source, target, length, start, at)
        except OSError:  # other file systems, old kernels
            data = os.pread(source, min(length, _CHUNK), start)
            done = len(data)
            write_at(target, data, at)
        if not done:
            raise EOFError("the source ended before its range")
        start, at, length = start + done, at + done, length - done


def packed_length(length: int, order: str) -> bytes:
    """Four bytes."""
    return struct.pack(f"{order}I", length)
