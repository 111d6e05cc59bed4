# SPDX-License-Identifier: Apache-2.0
"""Processes that are measured: started in a session of their own, asked of /proc, ended with all their children."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_PACE = 0.1  # seconds between looks at the memory


class CannotRun(Exception):
    """A system did not start, or did not do its work."""


def start(command: Sequence[object], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], *, grace: float = 10.0) -> None:
    """Ask it to stop; after `grace` seconds, and for whatever it leaves behind, insist."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(process: subprocess.Popen[bytes], timeout: float) -> int:
    """Its exit code, as soon as it has ended: `Popen.wait` with a timeout looks every 50 ms. TimeoutError."""
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], timeout)[0]:
            raise TimeoutError(f"{process.args!r} still runs after {timeout:.0f} s")
    finally:
        os.close(descriptor)
    return process.wait()


def wait_until_listening(process: subprocess.Popen[bytes], port: int, timeout: float = 30.0) -> None:
    """Wait for a listener without connecting to it: some serve one connection at a time. CannotRun."""
    wanted = f":{port:04X}"
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CannotRun(f"{process.args!r} ended with {process.returncode} at once")
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == "0A":
                    return
        time.sleep(0.02)
    raise CannotRun(f"{process.args!r} does not listen on port {port}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def tree(roots: Sequence[int]) -> Iterator[int]:
    """The processes and all their descendants."""
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        yield pid
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())


def pss(roots: Sequence[int]) -> int:
    """Bytes of proportional set size over the process trees."""
    total = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def cpu_seconds(roots: Sequence[int]) -> float:
    """Processor time of the process trees, children that have ended included."""
    ticks = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


class MemoryWatch:
    """Remembers the highest Pss of process trees while it runs."""

    def __init__(self, roots: Callable[[], Sequence[int]], pace: float = _PACE) -> None:
        self._roots = roots
        self._pace = pace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self.peak = max(self.peak, pss(self._roots()))
            if self._stop.wait(self._pace):
                return
