# SPDX-License-Identifier: Apache-2.0
"""What several pytest workers have together: the first who needs it makes it, the last who is done with it takes it away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest


def worker() -> str:
    """This worker's name; `main` where there are no workers."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def common_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of pytest, the same for all workers: theirs lie in it."""
    own = factory.getbasetemp()
    return own if worker() == "main" else own.parent


@contextmanager
def together(folder: Path, name: str, make: Callable[[], object], take_away: Callable[[], object]) -> Iterator[None]:
    """Have it while the block runs. Others wait while it is made, and make it themselves when that failed."""
    users = folder / f"{name}.users"
    with _alone(folder / f"{name}.lock"):
        if not _read(users):
            make()
        users.write_text("\n".join([*_read(users), worker()]))
    try:
        yield
    finally:
        with _alone(folder / f"{name}.lock"):
            left = [user for user in _read(users) if user != worker()]
            users.write_text("\n".join(left))
            if not left:
                take_away()


def _read(users: Path) -> list[str]:
    return users.read_text().split() if users.exists() else []


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        flock(lock, LOCK_EX)
        yield
