# SPDX-License-Identifier: Apache-2.0
"""Files for what workers write. Those of delivered instances are written over by the next ones while there are any.

A new file costs more than what is written into it: where hundreds come and go in a second, the file system looks among
all inodes that were given back lately for one that was not.
"""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

_MOST = 16
_LARGEST = 1 << 20  # bytes
_STAY = 0.25  # seconds; then nothing of a patient lies about


class Targets:
    """Paths in one folder, each given to one worker at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._spare: list[Path] = []
        self._sweeper: asyncio.TimerHandle | None = None

    def one(self) -> Path:
        """A path for whoever will write a file there; what is there now is nobody's."""
        return self._spare.pop() if self._spare else self.another()

    def another(self) -> Path:
        """A path at which there is nothing."""
        return self._folder / f"{next(self._numbers)}.dcm"

    def lay_by(self, path: Path, size: int) -> None:
        """A file that nobody reads any more."""
        if size > _LARGEST or len(self._spare) >= _MOST:
            self.remove(path)
            return
        self._spare.append(path)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_STAY, self._sweep)

    def remove(self, path: Path) -> None:
        """A file that is no use, or what a worker has left of it."""
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.header").unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing stays."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._sweep()

    def _sweep(self) -> None:
        self._sweeper = None
        spare, self._spare = self._spare, []
        for path in spare:
            self.remove(path)
