# SPDX-License-Identifier: Apache-2.0
"""A receiver that leaves Nagle's algorithm on, as DCMTK does by default and so many archives do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.interleave import interleave
from bench.rounds import Setting
from bench.rows import Result
from bench.systems.dcmtk import Dcmtk
from bench.systems.dromos import Dromos
from bench.workloads import CT, SMALL


def run(home: Path) -> Iterator[Result]:
    """What waits 40 ms for each instance at such a receiver, and what does not."""
    for workload in (SMALL, CT):
        setting = Setting("receiver-nagle", workload.name, "nagle", receiver_nagle=True)
        yield from interleave(home, (Dcmtk(), Dromos()), setting, workload)
