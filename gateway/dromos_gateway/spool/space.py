# SPDX-License-Identifier: Apache-2.0
"""How much the spool may still take. Below the reserve nothing more is received, and nothing is deleted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RESERVE = 0.05  # of the spool's size, and of its file system
_REFRESH = 0.5  # seconds that a look at the file system is good for
_NEAR = 64 * 1024 * 1024  # bytes left with which none is good for long: slots and the ledger take some, too


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Bytes of a file system."""

    total: int
    available: int


def look(folder: Path) -> FileSystem:
    """Ask the file system of `folder`."""
    state = os.statvfs(folder)
    return FileSystem(state.f_blocks * state.f_frsize, state.f_bavail * state.f_frsize)


class Space:
    """Keeps count of the spool's bytes against its size and against its file system."""

    def __init__(
        self,
        folder: Path,
        limit: int | None,
        *,
        look: Callable[[Path], FileSystem] = look,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._look = look
        self._clock = clock
        self.limit = limit
        self.used = 0
        self._seen = look(folder)
        self._seen_at = clock()
        self._since = 0  # bytes added since the file system was last asked

    def add(self, count: int) -> None:
        """Bytes were written, or with a negative count given back."""
        self.used += count
        self._since += count

    @property
    def available(self) -> int:
        """Bytes that could still be written, the reserve included."""
        left = max(0, self._seen.available - max(self._since, 0))
        return left if self.limit is None else min(left, max(0, self.limit - self.used))

    @property
    def shortage(self) -> str | None:
        """Why nothing more is taken; None while there is room."""
        if self.limit is not None and self.used > self.limit * (1 - RESERVE):
            return f"the spool holds {self.used} of {self.limit} bytes, its reserve is {RESERVE:.0%}"
        near = self._seen.available - max(self._since, 0) < _NEAR
        if near or self._clock() - self._seen_at > _REFRESH:
            try:
                self._seen, self._seen_at, self._since = self._look(self._folder), self._clock(), 0
            except OSError as error:  # the folder is gone, or the disk is
                return f"the spool's file system cannot be looked at: {error.strerror}"
        available = self._seen.available - max(self._since, 0)
        if available < self._seen.total * RESERVE:
            left = f"{available} of {self._seen.total} bytes"
            return f"the spool's file system has {left} left, its reserve is {RESERVE:.0%}"
        return None
