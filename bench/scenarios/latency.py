# SPDX-License-Identifier: Apache-2.0
"""A receiver far away: a relay adds 10 ms each way, eight associations make up for it.

instances per second x round trip / concurrency is 1 when every association sends without a pause.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import processes, rounds
from bench.interleave import ROUNDS, say
from bench.rounds import Setting
from bench.rows import Row
from bench.systems.dromos import Dromos
from bench.workloads import SMALL, batches, warm_up

DELAY = 0.010  # seconds, each way
CONCURRENCY = 8


def run(home: Path) -> Iterator[Row]:
    """Small instances through the relay."""
    (batch,), warming = batches(home, SMALL), warm_up(home)
    for number in range(ROUNDS):
        row = rounds.run(
            home / "round", Dromos(CONCURRENCY), Setting("latency", SMALL.name), [batch], warming, relay=_Relay
        )
        say(f"{number + 1}/{ROUNDS}", row)
        share = row.instances / row.delivered_s * 2 * DELAY / CONCURRENCY
        print(f"    instances per second x round trip / concurrency: {share:.2f}", file=sys.stderr)
        yield row


class _Relay:
    """bench.relay as a process of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.port = processes.free_port()
        command = [sys.executable, "-m", "bench.relay", str(self.port), str(port), str(DELAY)]
        self._process: subprocess.Popen[bytes] = processes.start(command, home / "relay.log", {})
        processes.wait_until_listening(self._process, self.port)

    def close(self) -> None:
        """End it."""
        processes.end(self._process)
