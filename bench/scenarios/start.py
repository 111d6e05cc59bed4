# SPDX-License-Identifier: Apache-2.0
"""A gateway's start: until both ports listen, and the processor time of its processes when they have come to rest.

`compiled` is as in the image; `anew` is where nothing of what Python compiles is kept.
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
    """Rounds of both in turn, the first one of each not counted."""
    with tempfile.TemporaryDirectory() as kept:
        variants = {
            "compiled": ("env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPYCACHEPREFIX={kept}"),
            "anew": ("env", "PYTHONDONTWRITEBYTECODE=1", f"PYTHONPYCACHEPREFIX={kept}-none"),
        }
        for number in range(ROUNDS + 1):
            for variant, wrapper in variants.items():
                row = _round(home / "start", variant, wrapper)
                if number:
                    yield row


def _round(home: Path, variant: str, wrapper: tuple[str, ...]) -> Row:
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
    return Row("start", "nothing", "dromos", variant, 0, took, took, used, memory / 1e6, 1, 0)
