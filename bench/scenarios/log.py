# SPDX-License-Identifier: Apache-2.0
"""A gateway that keeps its transfer log, every identifier sealed, and whose metrics are fetched each second, beside one
that does neither. The rounds alternate, and so does who begins. The log and the metrics may cost 5 % of delivered time.
"""

from __future__ import annotations

import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench.interleave import say
from bench.processes import CannotRun
from bench.rounds import Setting
from bench.rounds import run as one_round
from bench.rows import Row
from bench.systems.dromos import Dromos
from bench.workloads import ALL, batches, warm_up

ROUNDS = 9
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


def run(home: Path) -> Iterator[Row]:
    """Rounds of each workload, with and without."""
    warming = warm_up(home)
    for workload in ALL:
        sent = batches(home, workload)
        took: dict[str, list[float]] = {"dromos": [], "unlogged": []}
        pair = (Watched(), Unlogged())
        for number in range(ROUNDS):
            for system in pair if number % 2 else reversed(pair):
                row = one_round(home / "round", system, Setting("log", workload.name), sent, warming)
                took[system.name].append(row.delivered_s)
                say(f"{number + 1}/{ROUNDS}", row)
                yield row
        cost = median(took["dromos"]) / median(took["unlogged"]) - 1
        print(f"log and metrics cost {cost:+.1%} of delivered time ({workload.name}; goal 5 %)", file=sys.stderr)
