# SPDX-License-Identifier: Apache-2.0
"""One native object of 3.9 GiB through a process tree that a cgroup holds to 256 MiB; it arrives byte for byte."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import rounds
from bench.interleave import say
from bench.processes import CannotRun
from bench.rounds import Setting
from bench.rows import Row
from bench.systems.dromos import Dromos
from bench.workloads import HUGE, batches, warm_up

LIMIT = 256 * 2**20
_V2, _V1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")


def run(home: Path) -> Iterator[Row]:
    """Needs root and a memory controller. CannotRun without."""
    (batch,), warming = batches(home, HUGE), warm_up(home)
    with _memory_cgroup() as group:
        command = (sys.executable, "-m", "bench.held", str(group / "cgroup.procs"))
        setting = Setting("huge", HUGE.name, pace=0.05, compare=True)
        row = rounds.run(home / "round", Dromos(wrapper=command), setting, [batch], warming)
        print(f"    highest use of the cgroup: {_peak(group) / 2**20:.0f} MiB of {LIMIT / 2**20:.0f}", file=sys.stderr)
    say("1/1", row)
    yield row


@contextlib.contextmanager
def _memory_cgroup() -> Iterator[Path]:
    v2 = (_V2 / "cgroup.controllers").exists()
    root, limit = (_V2, "memory.max") if v2 else (_V1, "memory.limit_in_bytes")
    group = root / f"dromos-bench-{os.getpid()}"
    try:
        if v2:
            (root / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
        (group / limit).write_text(str(LIMIT))
    except OSError as error:
        raise CannotRun(f"no memory cgroup can be made in {root}: {error.strerror}; run it as root") from None
    try:
        yield group
    finally:
        for _ in range(100):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)


def _peak(group: Path) -> int:
    for name in ("memory.peak", "memory.max_usage_in_bytes"):
        with contextlib.suppress(OSError):
            return int((group / name).read_text())
    return 0
