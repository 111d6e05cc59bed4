# SPDX-License-Identifier: Apache-2.0
"""What a worker and its pool say to each other: pickles behind a length and a number.

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

HEADER = struct.Struct("<QQ")  # how long, and the number of the job
MAX_ANSWER = 256 << 20
_PATHS = frozenset(("PosixPath", "PurePosixPath", "Path", "PurePath"))


class UntrustedAnswer(Exception):
    """A worker answered with something it has no business to send."""


def dump(number: int, value: object) -> bytes:
    """The message, with its length and the job's number before it."""
    body = pickle.dumps(value, protocol=5)
    return HEADER.pack(len(body), number) + body


def load_answer(body: bytes) -> object:
    """Unpickle what a worker said. `UntrustedAnswer` when it is anything but plain data."""
    try:
        return _Answer(io.BytesIO(body)).load()
    except UntrustedAnswer:
        raise
    except Exception as error:
        raise UntrustedAnswer(f"a worker's answer cannot be read: {type(error).__name__}") from error


class _Answer(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if module.startswith("pathlib") and name in _PATHS:
            return getattr(pathlib, name)
        if module.startswith("dromos_") and name.isidentifier():
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, enum.Enum)):
                return found
        raise UntrustedAnswer(f"a worker's answer refers to {module}.{name}")
