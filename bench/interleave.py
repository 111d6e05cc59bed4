# SPDX-License-Identifier: Apache-2.0
"""Rounds of several systems in turn, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import rounds, rows
from bench.processes import CannotRun
from bench.rounds import Setting
from bench.rows import Failed, Result, Row
from bench.systems.system import System
from bench.workloads import Workload, batches, warm_up

OURS = "dromos"
ROUNDS = 5
SLOW = 20.0  # seconds: a system whose round takes longer gets no further one


def interleave(
    home: Path, systems: Sequence[System], setting: Setting, workload: Workload, senders: int = 1, count: int = ROUNDS
) -> Iterator[Result]:
    """`count` rounds of each system, one system after the other.

    CannotRun when Dromos cannot; another system that cannot is out of the race, and its row says why.
    """
    sent, warming = batches(home, workload, senders), warm_up(home)
    racing = list(systems)
    for number in range(count):
        for system in list(racing):
            try:
                row = rounds.run(home / "round", system, setting, sent, warming)
            except CannotRun as error:
                if system.name == OURS:
                    raise CannotRun(f"{setting.scenario} {setting.workload} {setting.variant}: {error}") from None
                racing.remove(system)
                failed = Failed(
                    setting.scenario, setting.workload, system.name, setting.variant, senders, failed=str(error)
                )
                print(rows.line_of(failed), file=sys.stderr, flush=True)
                yield failed
                continue
            say(f"{number + 1}/{count}", row)
            if row.delivered_s > SLOW:
                racing.remove(system)
            yield row


def say(which: str, row: Row) -> None:
    """Show that something goes on."""
    what = f"{row.scenario} {row.workload} {row.variant} {row.system}"
    if row.senders > 1:
        what += f" x{row.senders}"
    numbers = f"accepted {row.accepted_s:.3f} s, delivered {row.delivered_s:.3f} s, cpu {row.cpu_s:.2f} s"
    print(f"{which} {what}: {numbers}, {row.peak_pss_mb:.0f} MB", file=sys.stderr, flush=True)
