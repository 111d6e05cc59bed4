# SPDX-License-Identifier: Apache-2.0
"""What a round asks of a forwarder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

NO_NAGLE = {"TCP_NODELAY": "1"}  # DCMTK's own switch; without it, it measures a 40 ms timer


class System(Protocol):
    """Started anew for each round."""

    name: str
    port: int

    def start(self, home: Path, receiver_port: int) -> None:
        """Start it with its disk below `home`, forwarding to the receiver; return when it listens. CannotRun."""

    def stop(self) -> None:
        """End it."""

    def pids(self) -> Sequence[int]:
        """The roots of its process trees."""

    def forward(self, receiver_port: int) -> None:
        """Do the second step now, where forwarding does not happen by itself."""

    def cpu_of_ended(self) -> float:
        """Processor seconds of processes that ran since the last call and are gone."""
