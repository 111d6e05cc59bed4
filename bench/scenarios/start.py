# SPDX-License-Identifier: Apache-2.0
"""A gateway's start: until both ports listen, and the processor time of its processes when they have come to rest.

What Python compiles is kept, as in the image.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import processes
from bench.rows import Row
from bench.systems.dromos import Dromos

ROUNDS = 7
_REST = 1.0  # seconds: the sending process starts beside


def run(home: Path) -> Iterator[Row]:
    """Rounds, the first one not counted: it compiles."""
    with tempfile.TemporaryDirectory() as kept:
        wrapper = ("env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPYCACHEPREFIX={kept}")
        _round(home / "start", wrapper)
        for _ in range(ROUNDS):
            yield _round(home / "start", wrapper)


def _round(home: Path, wrapper: tuple[str, ...]) -> Row:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    gateway = Dromos(wrapper=wrapper)
    started = time.perf_counter()
    try:
        gateway.start(home, processes.free_port())
        gateway.wait_for_admin()
        took = time.perf_counter() - started
        time.sleep(_REST)
        used, memory = processes.cpu_seconds(gateway.pids()), processes.pss(gateway.pids())
    finally:
        gateway.stop()
    return Row("start", "nothing", "dromos", "", 0, took, took, used, memory / 1e6, 1, 0)
