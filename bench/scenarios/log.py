# SPDX-License-Identifier: Apache-2.0
"""A gateway that keeps its transfer log, every identifier sealed, and whose metrics are fetched each second, beside one
that does neither. The log and the metrics may cost 5 % of delivered time.

Two rounds that follow each other make a pair, and who begins takes turns, so that what disturbs the machine for a while
disturbs both of a pair. The cost is the median of the pairs' ratios: one slow sync of a disk spoils one pair. Their
middle half says how far such a figure can be trusted, and processor time, which waits for no disk, stands beside it.
"""

from __future__ import annotations

import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles

from bench.choice import EVERYTHING, Choice
from bench.interleave import say
from bench.processes import CannotRun
from bench.rounds import Setting
from bench.rounds import run as one_round
from bench.rows import Row
from bench.systems.dromos import Dromos
from bench.workloads import ALL, batches, warm_up

ROUNDS = 15
SCRAPES = 1.0  # seconds between them; Prometheus asks each 15 to 60
_SEALED = """
---
apiVersion: v1
kind: Secret
metadata: {name: log}
stringData: {key: a-key-that-nobody-has-ever-used}
"""
_KEY = "transferLog: {originalIdentifiers: Encrypted, key: {secretKeyRef: {name: log, key: key}}}"


class Watched(Dromos):
    """With a sealed log, and somebody who looks at the metrics."""

    name = "dromos"

    def __init__(self) -> None:
        super().__init__(node=_KEY, more=_SEALED)
        self._done = threading.Event()
        self._scraper: threading.Thread | None = None
        self.scrapes = 0

    def start(self, home: Path, receiver_port: int) -> None:
        """Run it and begin to look."""
        super().start(home, receiver_port)
        self.wait_for_admin()
        self.scrapes = 0
        self._done.clear()
        self._scraper = threading.Thread(target=self._scrape)
        self._scraper.start()

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        if self._scraper is not None:
            self._scraper.join()
        super().stop()
        if not self.scrapes:
            raise CannotRun("nobody looked at the metrics")

    def _scrape(self) -> None:
        while not self._done.is_set():
            with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=10) as response:
                assert b"dromos_delivered_instances_total" in response.read()
            self.scrapes += 1
            self._done.wait(SCRAPES)


class Unlogged(Dromos):
    """Without a log; nobody looks."""

    name = "unlogged"
    program: Sequence[str | Path] = (sys.executable, "-m", "bench.systems.unlogged")


def run(home: Path, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """Rounds of each workload, with and without."""
    warming = warm_up(home)
    rounds = ROUNDS if choice == EVERYTHING else choice.rounds
    for workload in choice.of_workloads(ALL):
        sent, setting = batches(home, workload), Setting("log", workload.name)
        took: dict[str, list[Row]] = {"dromos": [], "unlogged": []}
        pair = (Watched(), Unlogged())
        for number in range(rounds):
            for system in pair if number % 2 else reversed(pair):
                row = one_round(home / "round", system, setting, sent, warming)
                took[system.name].append(row)
                say(f"{number + 1}/{rounds}", row)
                yield row
        with_it, without = took["dromos"], took["unlogged"]
        print(f"log and metrics, {workload.name}: {cost(with_it, without)}; goal 1.05", file=sys.stderr)


def cost(with_it: Sequence[Row], without: Sequence[Row]) -> str:
    """Delivered time, then processor time, each pair's with to its without."""
    said = []
    for name, what in (("delivered_s", "delivered"), ("cpu_s", "processor time")):
        ratios = [getattr(one, name) / getattr(other, name) for one, other in zip(with_it, without, strict=True)]
        low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        said.append(f"{what} {median(ratios):.3f} ({low:.3f} to {high:.3f})")
    return ", ".join(said)
