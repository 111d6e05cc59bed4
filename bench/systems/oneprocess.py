# SPDX-License-Identifier: Apache-2.0
"""What the forwarders have in common that are one process and need nobody to start them forwarding."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench import processes


class OneProcess:
    """One process (with its children) that lives for a round and listens on `port` for C-STORE."""

    _grace = 10.0  # seconds that it has to end by itself

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, command: Sequence[str | Path], log: Path, environment: dict[str, str]) -> None:
        self._process = processes.start(command, log, environment)
        processes.wait_until_listening(self._process, self.port)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end(self._process, grace=self._grace)
            self._process = None

    def pids(self) -> Sequence[int]:
        """Its main process; others are children of it."""
        return [self._process.pid] if self._process is not None else []

    def forward(self, receiver_port: int) -> None:
        """It does so by itself."""

    def cpu_of_ended(self) -> float:
        """Its processes live on: none has ended."""
        return 0.0
