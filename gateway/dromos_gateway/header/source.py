# SPDX-License-Identifier: Apache-2.0
"""Bytes of a data set by position, from memory or from a file, of which one block at a time is in memory."""

from __future__ import annotations

import os
from typing import Final

from dromos_gateway.header.errors import MalformedDataSet

FIRST_BLOCK: Final = 16 * 1024  # most headers
BLOCK: Final = 256 * 1024
LONGEST_VALUE: Final = 16 * 1024 * 1024  # of values that somebody asks for; others are only passed over or copied


class Source:
    """Positions count from the beginning of the data set. `block` holds the bytes from `base` on."""

    __slots__ = ("_fd", "_offset", "base", "block", "end")

    def __init__(self, block: bytes, *, fd: int = -1, offset: int = 0, end: int | None = None) -> None:
        self.block = block
        self.base = 0
        self.end = len(block) if end is None else end
        self._fd = fd
        self._offset = offset

    @classmethod
    def of_file(cls, fd: int, offset: int, end: int | None = None) -> Source:
        """The data set that begins at `offset` of an open file, and ends at `end` of the file or with it."""
        size = (os.fstat(fd).st_size if end is None else end) - offset
        return cls(os.pread(fd, min(FIRST_BLOCK, max(size, 0)), offset), fd=fd, offset=offset, end=max(size, 0))

    def load(self, position: int, length: int) -> None:
        """Have `length` bytes from `position` on in `block`."""
        if position + length > self.end:
            raise MalformedDataSet("the data set ends in an element", position)
        at = position - self.base
        if at >= 0 and at + length <= len(self.block):
            return
        if self._fd < 0:
            raise _not_here(position)
        self.block = os.pread(self._fd, max(length, min(BLOCK, self.end - position)), self._offset + position)
        self.base = position
        if len(self.block) < length:
            raise MalformedDataSet("the file ends in an element", position)

    def read(self, position: int, length: int) -> bytes:
        """A value. `MalformedDataSet` when it is longer than 16 MiB: no value that means something is."""
        if length > LONGEST_VALUE:
            raise MalformedDataSet("a value is longer than 16 MiB", position)
        at = position - self.base
        if at < 0 or at + length > len(self.block):
            self.load(position, length)
            at = position - self.base
        return self.block[at : at + length]

    def peek(self, position: int, length: int) -> bytes:
        """A few bytes, without having the block follow: fragments of pixel data lie far apart."""
        at = position - self.base
        if position + length > self.end:
            raise MalformedDataSet("the data set ends in an element", position)
        if at >= 0 and at + length <= len(self.block):
            return self.block[at : at + length]
        if self._fd < 0:
            raise _not_here(position)
        return os.pread(self._fd, length, self._offset + position)

    def whereabouts(self, position: int) -> tuple[int, int]:
        """File descriptor and offset in the file of a position; the descriptor is -1 for a data set in memory."""
        return self._fd, self._offset + position


def _not_here(position: int) -> MalformedDataSet:
    return MalformedDataSet("the data set goes on behind what is in memory", position)
