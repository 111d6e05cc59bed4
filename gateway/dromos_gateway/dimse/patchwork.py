# SPDX-License-Identifier: Apache-2.0
"""An object that lies in no file of its own: new bytes, and ranges of another file that stay as they are, or nearly so.

What a changed header leaves alone, its pixels above all, is sent from where it was received; what a mask hides of them
is filled on the way. Positions count as if somebody had written the whole of it, file meta information and all.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dromos_gateway.dimse.filling import Fills, draw

_BLOCK: Final = 1024 * 1024

# new bytes, or from where to where in the file, perhaps with what is filled of that
Patch = bytes | tuple[int, int] | tuple[int, int, Fills]
Patchwork = tuple[Patch, ...]  # none: the file as it is


def length_of(patch: Patch) -> int:
    """How many bytes a patch stands for."""
    return len(patch) if isinstance(patch, bytes) else patch[1] - patch[0]


def size_of(patches: Patchwork) -> int:
    """How many bytes the object has."""
    return sum(map(length_of, patches))


def beginning_of(patches: Patchwork, offset: int, length: int) -> bytes:
    """Bytes from `offset` on, as far as they are new and there are as many."""
    first = patches[0] if patches else b""
    return first[offset : offset + length] if isinstance(first, bytes) else b""


def write_patches(path: Path, patches: Patchwork, target: Path) -> None:
    """Write the object that they make of a file. OSError; then there is no target."""
    try:
        with path.open("rb", buffering=0) as source, open(target, "wb", 0, opener=_for_us_alone) as file:
            reader, left, block = PatchworkReader(source.fileno(), patches), size_of(patches), bytearray(_BLOCK)
            while left:
                view = memoryview(block)[: min(left, _BLOCK)]
                if reader.read_into([view]) != len(view):
                    raise OSError(errno.EIO, "the original ended before its range")
                while view:
                    done = file.write(view)
                    view, left = view[done:], left - done
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


class PatchworkReader:
    """Reads the object front to back. OSError from reading the file."""

    def __init__(self, descriptor: int, patches: Patchwork, offset: int = 0) -> None:
        """From `offset` on; the descriptor stays the caller's."""
        self._descriptor = descriptor
        self._patches = patches
        self._number = self._done = 0  # patch, and bytes of it that were read
        while self._number < len(patches) and offset >= (length := length_of(patches[self._number])):
            offset -= length
            self._number += 1
        self._done = offset

    def read_into(self, views: Sequence[memoryview]) -> int:
        """Fill the views, one after the other; how many bytes there were."""
        got, wanted = 0, list[memoryview]()
        place = (-1, 0)  # the patch that is a range of the file, and where in it the views that wait for it begin
        for view in views:
            rest = view
            while rest and self._number < len(self._patches):
                patch, done = self._patches[self._number], self._done
                part = rest[: length_of(patch) - done]
                if isinstance(patch, bytes):
                    part[:] = patch[done : done + len(part)]
                    got += len(part)
                else:
                    if place[0] != self._number:
                        got += self._read(wanted, *place)
                        place = self._number, patch[0] + done
                    wanted.append(part)
                self._advance(len(part))
                rest = rest[len(part) :]
        return got + self._read(wanted, *place)

    def _advance(self, length: int) -> None:
        self._done += length
        while self._number < len(self._patches) and self._done >= length_of(self._patches[self._number]):
            self._number, self._done = self._number + 1, 0

    def _read(self, wanted: list[memoryview], number: int, start: int) -> int:
        """Read of one range of the file into the views that wait for it, which are none then."""
        if not wanted:
            return 0
        got = os.preadv(self._descriptor, wanted, start)
        patch = self._patches[number]
        if len(patch) == 3 and not isinstance(patch, bytes):
            draw(wanted, start, patch[2])
        wanted.clear()
        return got
