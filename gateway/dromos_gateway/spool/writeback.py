# SPDX-License-Identifier: Apache-2.0
"""Asks the system to begin writing what a sync will wait for. No promise rests on it: the sync is what counts."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

Begin = Callable[[int, int, int], object]

_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begin, wait for nothing, keep the pages


def _found() -> Begin:
    """sync_file_range(2), or what does nearly the same where the C library has none."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError):
        # begins to write as well, and drops what is written: whoever sends it has to read it again
        return lambda descriptor, start, size: os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_DONTNEED)
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return lambda descriptor, start, size: call(descriptor, start, size, _WRITE)


begin_writing = _found()


def drop(descriptor: int, start: int, size: int) -> None:
    """Let go of the memory that written bytes take. OSError."""
    os.posix_fadvise(descriptor, start, size, os.POSIX_FADV_DONTNEED)
