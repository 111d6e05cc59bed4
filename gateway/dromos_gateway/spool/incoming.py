# SPDX-License-Identifier: Apache-2.0
"""An instance on its way into the spool: fragments go straight to a file."""

from __future__ import annotations

import os
from pathlib import Path

from dromos_gateway.spool.committer import NewFile
from dromos_gateway.spool.space import Space

_SNIFF = 16 * 1024


class IncomingFile:
    """A Part 10 file being written below incoming/; it has no name that anything else knows."""

    def __init__(self, temporary: Path, final: Path, head: bytes, space: Space) -> None:
        self._temporary = temporary
        self._final = final
        self._space = space
        self._descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.data_set_offset = len(head)
        self.size = 0
        self.beginning = b""  # of the data set, enough to find the study
        try:
            self._append(memoryview(head))
        except OSError:
            self.abandon()
            raise

    @property
    def path(self) -> Path:
        """Where the file is now."""
        return self._temporary

    @property
    def name(self) -> str:
        """The name the object will have below objects/."""
        return self._final.name

    def write(self, fragment: memoryview) -> None:
        """Append a piece of the data set. OSError when the disk does not take it."""
        if len(self.beginning) < _SNIFF:
            self.beginning += bytes(fragment[: _SNIFF - len(self.beginning)])
        self._append(fragment)

    def _append(self, view: memoryview) -> None:
        done = 0
        while done < len(view):
            written = os.write(self._descriptor, view[done:] if done else view)
            done += written
            self.size += written
            self._space.add(written)

    def complete(self) -> NewFile:
        """Hand the file over to the committer, which closes it."""
        descriptor, self._descriptor = self._descriptor, -1
        return NewFile(descriptor, self._temporary, self._final)

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._temporary.unlink(missing_ok=True)
            self._space.add(-self.size)
