# SPDX-License-Identifier: Apache-2.0
"""Peak Pss of all of Dromos' processes while objects of 256 MB go through, looked at every 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.interleave import interleave
from bench.rounds import Setting
from bench.rows import Result
from bench.systems.dromos import Dromos
from bench.workloads import BIG


def run(home: Path) -> Iterator[Result]:
    """One sender, then four at once."""
    for senders in (1, 4):
        setting = Setting("memory", BIG.name, pace=0.02)
        yield from interleave(home, (Dromos(),), setting, BIG, senders=senders, count=2)
