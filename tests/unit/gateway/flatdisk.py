# SPDX-License-Identifier: Apache-2.0
"""A disk of one file, in memory, as unkind as a real one may be: for `dromos_gateway.spool.journal.os`.

What was written reaches it sector by sector, in any order, at any time. A sync that succeeds makes it certain; one that
fails has written some of it, and what it has not is forgotten as work to do: later syncs know nothing of it.
"""

from __future__ import annotations

import os
from random import Random
from types import SimpleNamespace

SECTOR = 512


class FlatDisk:
    """Stands for the module `os`, as far as the journal uses it."""

    O_RDWR, O_CREAT, O_CLOEXEC = os.O_RDWR, os.O_CREAT, os.O_CLOEXEC

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._seen = bytearray()  # what a running process reads
        self._safe = bytearray()
        self._dirty: set[int] = set()
        self.refuses = False
        self.meanwhile = lambda: None  # called while a sync is under way

    def open(self, *_: object) -> int:
        return 3

    def close(self, _: int) -> None:
        pass

    def fstat(self, _: int) -> SimpleNamespace:
        return SimpleNamespace(st_size=len(self._seen))

    def fstatvfs(self, _: int) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=1 << 20, f_frsize=4096)

    def pread(self, _: int, size: int, place: int) -> bytes:
        return bytes(self._seen[place : place + size])

    def pwrite(self, _: int, data: bytes, place: int) -> int:
        self._seen[place : place + len(data)] = data
        self._safe.extend(bytes(max(0, len(self._seen) - len(self._safe))))
        self._dirty.update(range(place // SECTOR, -(-(place + len(data)) // SECTOR)))
        return len(data)

    def pwritev(self, descriptor: int, pieces: tuple[bytes, ...], place: int) -> int:
        return self.pwrite(descriptor, b"".join(pieces), place)

    def fdatasync(self, _: int) -> None:
        """Certain is what was written before it began; what is written meanwhile may get there or not."""
        begun, self._dirty = self._dirty, set()
        before = bytes(self._seen)
        self.meanwhile()
        if self.refuses:
            self._some_of(begun, before)
            if self._chance.random() < 0.5:  # it may take what is written meanwhile for its own, and fail for it
                self._some_of(self._dirty, self._seen)
                self._dirty = set()
            raise OSError(5, "Input/output error")
        self._reach(begun, before)

    fsync = fdatasync

    def lose_power(self) -> None:
        """Of what is not certain some is there."""
        self._some_of(self._dirty, self._seen)
        self._dirty = set()
        self._seen = bytearray(self._safe)

    def _some_of(self, sectors: set[int], content: bytes | bytearray) -> None:
        share = self._chance.choice((0.0, 0.5, 0.9, 1.0))
        self._reach({sector for sector in sorted(sectors) if self._chance.random() < share}, content)

    def _reach(self, sectors: set[int], content: bytes | bytearray) -> None:
        for sector in sectors:
            start = sector * SECTOR
            self._safe[start : start + SECTOR] = content[start : start + SECTOR]
