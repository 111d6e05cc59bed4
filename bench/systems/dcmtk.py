# SPDX-License-Identifier: Apache-2.0
"""DCMTK as a batch: storescp to disk, and when everything is there storescu from disk. Nothing is synced."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench import processes
from bench.processes import CannotRun
from bench.systems.system import NO_NAGLE


class Dcmtk:
    """storescp, then storescu."""

    name = "dcmtk"

    def __init__(self) -> None:
        self.port = 0
        self._home = self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._forwarder: subprocess.Popen[bytes] | None = None
        self._ended = 0.0

    def start(self, home: Path, receiver_port: int) -> None:
        """Run storescp with its options as they are, except that it forks so that senders may come in parallel."""
        self._home, self._folder = home, home / "spool"
        self._folder.mkdir()
        self.port = processes.free_port()
        command = ["storescp", "--fork", "+B", "-od", self._folder, str(self.port)]
        self._process = processes.start(command, home / "storescp.log", NO_NAGLE)
        processes.wait_until_listening(self._process, self.port)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None

    def pids(self) -> Sequence[int]:
        """Storescp, and storescu while it runs."""
        both = (self._process, self._forwarder)
        return [process.pid for process in both if process is not None]

    def forward(self, receiver_port: int) -> None:
        """Send everything on and forget it."""
        command = ["storescu", "-aec", "RECEIVER", "+sd", "127.0.0.1", str(receiver_port), self._folder]
        self._forwarder = processes.start(command, self._home / "storescu.log", NO_NAGLE)
        _, code, usage = os.wait4(self._forwarder.pid, 0)
        self._forwarder.returncode = os.waitstatus_to_exitcode(code)
        self._ended = usage.ru_utime + usage.ru_stime
        if self._forwarder.returncode:
            raise CannotRun(f"storescu ended with {self._forwarder.returncode}, see {self._home}")
        self._forwarder = None
        for file in self._folder.iterdir():
            file.unlink()

    def cpu_of_ended(self) -> float:
        """Of storescu."""
        ended, self._ended = self._ended, 0.0
        return ended
