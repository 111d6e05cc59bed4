# SPDX-License-Identifier: Apache-2.0
"""What a worker and its pool say to each other: pickles behind a length, and single letters.

A worker works on what strangers sent, so its answers are not trusted: they are unpickled with nothing callable but
dataclasses and enumerations of this project, and paths.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import io
import pathlib
import pickle
import struct
from functools import lru_cache

from dromos_gateway.workers.job import Done, Failed

HEADER = struct.Struct("<Q")
TAKEN = b"T"  # the worker has the job; should it end now, the job is to blame
SKIPPED = b"S"  # the job was recalled before the worker claimed it
ANSWER = b"A"  # the rest is a message
MAX_ANSWER = 256 << 20
_PATHS = frozenset(("PosixPath", "PurePosixPath", "Path", "PurePath"))


class UntrustedAnswer(Exception):
    """A worker said something it has no business to say."""


def dump(value: object) -> bytes:
    """The message, with its length before it."""
    body = pickle.dumps(value, protocol=5)
    return HEADER.pack(len(body)) + body


def load_answer(body: bytes) -> object:
    """Unpickle what a worker said. `UntrustedAnswer` when it is anything but plain data."""
    try:
        return _Answer(io.BytesIO(body)).load()
    except UntrustedAnswer:
        raise
    except Exception as error:
        raise UntrustedAnswer(f"a worker's answer cannot be read: {type(error).__name__}") from error


class Inbox:
    """What a worker says, put together from pieces."""

    def __init__(self) -> None:
        self._block = bytearray()

    def feed(self, data: bytes) -> None:
        """A piece."""
        self._block += data

    def take(self) -> bytes | Done[object] | Failed | None:
        """`TAKEN`, `SKIPPED` or an answer; None: there is nothing whole. `UntrustedAnswer`."""
        kind = bytes(self._block[:1])
        if kind in (TAKEN, SKIPPED):
            del self._block[:1]
            return kind
        if kind not in (ANSWER, b""):
            raise UntrustedAnswer("a worker says what is no message")
        start = 1 + HEADER.size
        if len(self._block) < start:
            return None
        (length,) = HEADER.unpack_from(self._block, 1)
        if length > MAX_ANSWER:
            raise UntrustedAnswer(f"a worker's answer is {length} bytes long")
        if len(self._block) < start + length:
            return None
        answer = load_answer(bytes(self._block[start : start + length]))
        del self._block[: start + length]
        if not isinstance(answer, Done | Failed):
            raise UntrustedAnswer("a worker answered with neither a result nor a failure")
        return answer


class _Answer(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        return _allowed(module, name)


@lru_cache(maxsize=256)
def _allowed(module: str, name: str) -> object:
    if module.startswith("pathlib") and name in _PATHS:
        return getattr(pathlib, name)
    if module.startswith("dromos_") and name.isidentifier():
        found = getattr(importlib.import_module(module), name, None)
        if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, enum.Enum)):
            return found
    raise UntrustedAnswer(f"a worker's answer refers to {module}.{name}")
