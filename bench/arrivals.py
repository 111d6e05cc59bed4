# SPDX-License-Identifier: Apache-2.0
"""When files are complete in a folder: the kernel says so, and nobody polls while the clock runs."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
import time
from pathlib import Path

_CLOSE_WRITE, _MOVED_TO = 0x8, 0x80
_EVENT = struct.Struct("iIII")
_PACE = 0.004  # seconds: many events are read at once


class Arrivals:
    """Counts the files that were written to their end and closed."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _CLOSE_WRITE | _MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch", str(folder))
        self._stop = threading.Event()
        self._more = threading.Condition()
        self._count = 0
        self._last = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_for(self, count: int, timeout: float) -> float:
        """Wait until so many have arrived since the beginning; when the last did (`time.monotonic`). TimeoutError."""
        with self._more:
            if not self._more.wait_for(lambda: self._count >= count, timeout):
                raise TimeoutError(f"{self._count} of {count} instances arrived within {timeout:.0f} s")
            return self._last

    @property
    def count(self) -> int:
        """How many have arrived."""
        return self._count

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()
        os.close(self._descriptor)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._descriptor], [], [], 0.2)[0]:
                continue
            seen = time.monotonic()
            data = os.read(self._descriptor, 256 * 1024)
            offset = number = 0
            while offset < len(data):
                offset += _EVENT.size + _EVENT.unpack_from(data, offset)[3]
                number += 1
            with self._more:
                self._count += number
                self._last = seen
                self._more.notify_all()
            time.sleep(_PACE)
