# SPDX-License-Identifier: Apache-2.0
"""What the workers of the tests are asked to do, good and bad."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from dromos_gateway.workers.job import Done, Limits
from dromos_gateway.workers.messages import HEADER, dump


def double(number: int) -> int:
    return number * 2


def echo(number: int, seconds: float, _: bytes) -> int:
    time.sleep(seconds)
    return number


def process_id() -> int:
    return os.getpid()


def modules() -> list[str]:
    return sorted(sys.modules)


def environment() -> dict[str, str]:
    return dict(os.environ)


def hoard(count: int) -> int:
    return len(bytearray(count))


def keep(count: int) -> int:
    """As a library that leaks."""
    _KEPT.append(bytearray(count))
    return os.getpid()


_KEPT: list[bytearray] = []


def spin() -> None:
    while True:
        pass


def sleep(seconds: float, begun: Path) -> None:
    begun.write_text(str(os.getpid()))
    time.sleep(seconds)


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def leave() -> None:
    os._exit(3)


def complain(secret: str) -> None:
    raise ValueError(secret)


def recurse() -> None:
    recurse()


def write(path: Path, count: int) -> None:
    path.write_bytes(bytes(count))


def fill_disk() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")


def map_file(path: Path) -> int:
    import mmap

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return len(mapped)


def limits() -> Limits:
    return Limits(memory=7)


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def trap() -> Trap:
    return Trap()


def garbage() -> None:
    os.write(_answers(), HEADER.pack(8, 1) + b"nonsense")


def huge() -> None:
    os.write(_answers(), HEADER.pack(1 << 60, 1))


def another() -> None:
    os.write(_answers(), dump(2, Done("another one's")))


def _answers() -> int:
    """Where a worker's answers go."""
    return int(sys.argv[1])
