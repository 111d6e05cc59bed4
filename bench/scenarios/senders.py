# SPDX-License-Identifier: Apache-2.0
"""One sender, and sixteen at once. Each sends a thousand small instances; what counts is instances per second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.interleave import interleave
from bench.rounds import Setting
from bench.rows import Result, Row
from bench.systems.dcmtk import Dcmtk
from bench.systems.dromos import Dromos
from bench.workloads import SMALL

MANY = 16
_ROUNDS = 3


def run(home: Path) -> Iterator[Result]:
    """Rounds of one sender and of many in turn."""
    rows: list[Row] = []
    for _ in range(_ROUNDS):
        for senders in (1, MANY):
            setting = Setting("senders", SMALL.name)
            for row in interleave(home, (Dromos(), Dcmtk()), setting, SMALL, senders=senders, count=1):
                if isinstance(row, Row):
                    rows.append(row)
                yield row
    for system in sorted({row.system for row in rows}):
        took = {n: [row for row in rows if (row.system, row.senders) == (system, n)] for n in (1, MANY)}
        if not all(took.values()):
            continue  # its row says why
        rates = {n: median(row.instances / row.delivered_s for row in some) for n, some in took.items()}
        ratio = rates[MANY] / rates[1]
        print(
            f"{system}: {rates[1]:.0f}/s with one sender, {rates[MANY]:.0f}/s with {MANY}: {ratio:.2f}", file=sys.stderr
        )
