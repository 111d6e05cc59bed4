# SPDX-License-Identifier: Apache-2.0
"""The body of a Store transaction: multipart/related, one Part 10 file a part (PS3.18 §8.6.1.2, RFC 2387).

It is made anew for each attempt, with a boundary of its own, and read from the files as it is sent, patched where the
object lies in none of its own: memory is one block's, whatever the size of the objects.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from dromos_gateway.dimse.patchwork import Patchwork, PatchworkReader

_BLOCK = 256 * 1024
MEDIA_TYPE = "application/dicom"


class UnreadableFile(Exception):
    """A file could not be read, or changed its length while it was sent."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class MultipartBody:
    """The files of one attempt. Iterate it once; `boundary` is 1 to 70 letters and digits, not to be guessed."""

    def __init__(
        self,
        paths: Sequence[Path],
        boundary: str,
        sizes: Sequence[int | None] = (),
        patches: Sequence[Patchwork] = (),
    ) -> None:
        """Look up the files' lengths, where `sizes` does not say where the objects in them end. UnreadableFile."""
        self._paths = tuple(paths)
        self._patches = tuple(patches) or ((),) * len(self._paths)
        self._known = tuple(sizes) or (None,) * len(self._paths)
        self._sizes = tuple(
            _size(path) if size is None else size for path, size in zip(self._paths, self._known, strict=True)
        )
        self._head = f"--{boundary}\r\nContent-Type: {MEDIA_TYPE}\r\n\r\n".encode("ascii")
        self._tail = f"--{boundary}--\r\n".encode("ascii")
        self.content_type = f'multipart/related; type="{MEDIA_TYPE}"; boundary={boundary}'
        self.length = sum(self._sizes) + len(paths) * (len(self._head) + 2) + len(self._tail)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Blocks of about 256 KiB. UnreadableFile, which ends the request before the server has all of it."""
        for block in self.blocks():
            yield block

    def blocks(self) -> Iterator[bytes]:
        """The same without a loop; small files share a block."""
        buffer = bytearray()
        for path, size, known, patches in zip(self._paths, self._sizes, self._known, self._patches, strict=True):
            buffer += self._head
            for piece in _read(path, size, patches, whole=known is None):
                if len(buffer) + len(piece) > _BLOCK and buffer:
                    yield bytes(buffer)
                    buffer.clear()
                if len(piece) == _BLOCK:
                    yield piece
                else:
                    buffer += piece
            buffer += b"\r\n"
        yield bytes(buffer) + self._tail


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {error.strerror}", path) from None


def _read(path: Path, size: int, patches: Patchwork, *, whole: bool) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as file:
            if whole and os.fstat(file.fileno()).st_size != size:
                raise UnreadableFile(f"{path.name}: its length changed", path)
            patched = PatchworkReader(file.fileno(), patches) if patches else None
            left = size
            while left:
                wanted = min(left, _BLOCK)
                piece = file.read(wanted) if patched is None else _patched(patched, wanted)
                if not piece:
                    raise UnreadableFile(f"{path.name}: the file became shorter while it was sent", path)
                left -= len(piece)
                yield piece
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {error.strerror}", path) from None


def _patched(patched: PatchworkReader, wanted: int) -> bytes:
    """The next bytes; none where the file ended before them."""
    block = bytearray(wanted)
    return bytes(block) if patched.read_into([memoryview(block)]) == wanted else b""
