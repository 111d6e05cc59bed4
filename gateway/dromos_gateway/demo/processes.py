# SPDX-License-Identifier: Apache-2.0
"""The demo's child processes: a real gateway and its receivers. None of them outlives the demo."""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PATIENCE = 20.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class DemoFailed(Exception):
    """Something did not happen that always happens."""


def wait_for(condition: Callable[[], Any], what: str, timeout: float = _PATIENCE) -> Any:
    """Wait until `condition` is truthy; its value."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.03)
    raise DemoFailed(f"waited {timeout:.0f} s in vain for {what}")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Child:
    """A process that ends with the demo, even if that is killed."""

    def __init__(self, log: Path, *command: str) -> None:
        self.log = log
        with log.open("ab") as file:
            self._begin = file.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def said(self) -> str:
        """What it has logged since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._begin)
            return file.read().decode(errors="replace")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal and wait; SIGKILL when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Complain when it has ended by itself."""
        if self._process.poll() is not None:
            tail = "\n".join(self.said().splitlines()[-5:])
            raise DemoFailed(f"a process ended with {self._process.returncode}:\n{tail}")


class Gateway:
    """`dromos run` on a folder of manifests."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.child = Child(
            home / "gateway.log", "dromos_gateway.commands.run", str(home / "manifests"), "--listen", "127.0.0.1:0",
            "--admin", "127.0.0.1:0", "--spool", str(home / "spool"), "--drain-timeout", "5",
        )  # fmt: skip
        self.port = int(wait_for(lambda: self._port("listening"), "the gateway to listen"))
        self.admin = int(wait_for(lambda: self._port("admin port open"), "the admin port"))

    def queues(self) -> dict[str, dict[str, Any]]:
        """Each destination's figures, by name."""
        url = f"http://127.0.0.1:{self.admin}/v1/status"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                found = json.load(response)
        except (urllib.error.URLError, OSError) as error:
            self.child.check()
            raise DemoFailed(f"the admin port does not answer: {error}") from error
        return {item["name"]: item for item in found["destinations"]}

    def _port(self, message: str) -> int | None:
        self.child.check()
        for line in self.child.said().splitlines():
            if f'"message": "{message}"' in line:
                return int(json.loads(line)["port"])
        return None


class Receiver:
    """A receiver that can be started when it is wanted."""

    def __init__(self, home: Path, name: str, module: str, *words: str) -> None:
        self.name = name
        self.folder = home / "received" / name
        self.port = free_port()
        self.child: Child | None = None
        self._log = home / f"{name}.log"
        self._command = (module, str(self.folder), str(self.port), *words)

    def start(self) -> None:
        """Listen."""
        self.child = Child(self._log, *self._command)
        wait_for(self._listens, f"receiver {self.name} to listen")

    def received(self) -> int:
        """How many instances it has written."""
        return sum(1 for _ in self.folder.glob("*.dcm")) if self.folder.is_dir() else 0

    def _listens(self) -> bool:
        if self.child is not None:
            self.child.check()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0
