# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal as a bar, elsewhere as a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_EVERY = 5.0  # seconds between lines


class Progress(Protocol):
    """What is told of every file."""

    def advance(self, size: int) -> None:
        """One more file of `size` bytes is done."""


@contextmanager
def progress(files: int, size: int) -> Iterator[Progress]:
    """Show progress on standard error."""
    if sys.stderr.isatty():
        with _bar(files, size) as shown:
            yield shown
    else:
        yield _Lines(files)


def amount(size: float) -> str:
    """Write bytes for people: ``10.4 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


class _Lines:
    def __init__(self, files: int) -> None:
        self._files = files
        self._done = 0
        self._next = time.monotonic() + _EVERY

    def advance(self, size: int) -> None:
        self._done += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            print(f"{self._done} of {self._files} instances", file=sys.stderr, flush=True)


@contextmanager
def _bar(files: int, size: int) -> Iterator[Progress]:
    # Imported here: without a terminal the command starts without it.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    count = TextColumn(f"{{task.fields[done]}} of {files} instances")
    columns = (count, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=size, done=0)
        done = 0

        class Shown:
            def advance(self, size: int) -> None:
                nonlocal done
                done += 1
                bar.update(task, advance=size, done=done)

        yield Shown()
