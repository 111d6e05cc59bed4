# SPDX-License-Identifier: Apache-2.0
"""Cuts a data set, in a file or patched together from one, into P-DATA-TF PDUs in one reusable buffer.

The buffer holds ``header fragment header fragment …``; `preadv` puts the fragments between the headers, and the whole
of it goes out in one `send`. Memory is the buffer's, whatever the size of the object.
"""

from __future__ import annotations

import os
from pathlib import Path

from dromos_gateway.dimse.errors import UnreadableObject
from dromos_gateway.dimse.outgoing import HEADERS, header
from dromos_gateway.dimse.patchwork import Patchwork, PatchworkReader, size_of

_BUFFER = 576 * 1024  # a CT slice of 512 by 512, header and all
_MAX_FRAGMENTS = 256  # in one preadv; the system takes 1024


class DataSetSource:
    """An open file being sent; with `patches` the object that they make of it."""

    def __init__(self, path: Path | str, offset: int, end: int | None = None, patches: Patchwork = ()) -> None:
        """Open it. UnreadableObject when that fails, or when there is no data set."""
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise UnreadableObject(f"{path}: {error.strerror}") from None
        self._path = path
        self._offset = offset
        self._patched = PatchworkReader(self._descriptor, patches, offset) if patches else None
        if end is None:
            end = size_of(patches) if patches else os.fstat(self._descriptor).st_size
        self._left = end - offset
        if self._left <= 0:
            self.close()
            raise UnreadableObject(f"{path}: there is no data set after the file meta information")

    @property
    def left(self) -> int:
        """How many bytes are still to be sent."""
        return self._left

    def fill(self, buffer: memoryview, position: int, context_id: int, fragment_size: int) -> int:
        """Put PDUs into `buffer` from `position`; give the end of the last one. UnreadableObject."""
        views: list[memoryview] = []
        expected = 0
        room = len(buffer) - HEADERS
        while self._left > expected and position < room and len(views) < _MAX_FRAGMENTS:
            size = min(fragment_size, self._left - expected, room - position)
            expected += size
            start = position + HEADERS
            buffer[position:start] = header(context_id, size, is_command=False, is_last=expected == self._left)
            position = start + size
            views.append(buffer[start:position])
        try:
            if self._patched is not None:
                got = self._patched.read_into(views)
            else:
                got = os.preadv(self._descriptor, views, self._offset)
        except OSError as error:
            raise UnreadableObject(f"{self._path}: {error.strerror}") from None
        if got != expected:
            raise UnreadableObject(f"{self._path}: the file became shorter while it was sent")
        self._offset += expected
        self._left -= expected
        return position

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def send_buffer(fragment_size: int) -> memoryview:
    """Memory for a command and whole PDUs of the peer's size."""
    pdu = fragment_size + HEADERS
    return memoryview(bytearray(1024 + max(_BUFFER // pdu, 1) * pdu))
