# SPDX-License-Identifier: Apache-2.0
"""Deflated data sets (PS3.5 A.5), inflated within bounds: a kilobyte may claim to be a gigabyte."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Final

from dromos_gateway.header.errors import MalformedDataSet

MOST: Final = 2 * 1024**3
RATIO: Final = 200
_ALWAYS: Final = 1024 * 1024  # so much may come out of anything
_STEP: Final = 256 * 1024


def inflate(
    read: Callable[[int, int], bytes], size: int, write: Callable[[bytes], object], always: int = _ALWAYS
) -> None:
    """Inflate `size` bytes that `read(position, length)` gives. `MalformedDataSet` beyond 200 to 1, and `always`."""
    bound = min(MOST, max(size * RATIO, always))
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    done, position = 0, 0
    while position < size and not machine.eof:
        pending = read(position, min(_STEP, size - position))
        if not pending:
            break
        position += len(pending)
        while pending and not machine.eof:
            try:
                piece = machine.decompress(pending, _STEP)
            except zlib.error as error:
                raise MalformedDataSet("the deflated data set is damaged", position) from error
            pending = machine.unconsumed_tail
            done += len(piece)
            if done > bound:
                raise MalformedDataSet(f"the deflated data set inflates beyond {bound} bytes", position)
            write(piece)
    if not machine.eof:
        raise MalformedDataSet("the deflated data set is cut off", position)


def inflate_bytes(data: bytes) -> bytes:
    """A deflated data set in memory."""
    out = bytearray()
    inflate(lambda position, length: data[position : position + length], len(data), out.extend)
    return bytes(out)


def inflate_file(fd: int, offset: int, end: int, target: int, always: int = _ALWAYS) -> None:
    """From one open file into another; memory stays small."""
    inflate(lambda position, length: os.pread(fd, length, offset + position), end - offset, _writer(target), always)


def _writer(fd: int) -> Callable[[bytes], None]:
    def write(piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(fd, rest) :]

    return write
