# SPDX-License-Identifier: Apache-2.0
"""One round: a receiver, a system, senders, and the clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import processes
from bench.arrivals import Arrivals
from bench.processes import CannotRun, MemoryWatch
from bench.rows import Row
from bench.systems.system import NO_NAGLE, System
from bench.workloads import Batch
from dromos_gateway.dimse.part10 import read_head

PATIENCE = 300.0  # seconds that a round may take
_TAIL = 4096


@dataclass(frozen=True)
class Setting:
    """What a scenario varies."""

    scenario: str
    workload: str
    variant: str = "nodelay"
    sender_nagle: bool = False
    receiver_nagle: bool = False
    pace: float = 0.1  # seconds between looks at the memory
    compare: bool = False  # all bytes of all data sets, not only their ends
    outgoing: Callable[[str], str] | None = None  # SOP Instance UIDs that systems change; then only pixels are compared


class Relay(Protocol):
    """Something between a system and the receiver."""

    port: int

    def close(self) -> None:
        """End it."""


class Receiver:
    """DCMTK's storescp. It stands for another machine, so what it gets lies in memory and costs our disk nothing."""

    def __init__(self, home: Path, *, nagle: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dromos-bench-", dir="/dev/shm"))
        self.port = processes.free_port()
        command = ["storescp", "--fork", "+B", "-od", self.folder, str(self.port)]
        self._process = processes.start(command, home / "receiver.log", {} if nagle else NO_NAGLE)
        self.arrivals = Arrivals(self.folder)
        processes.wait_until_listening(self._process, self.port)

    def close(self) -> None:
        """End it and forget what it has."""
        processes.end(self._process)
        self.arrivals.close()
        shutil.rmtree(self.folder)


def run(
    home: Path,
    system: System,
    setting: Setting,
    batches: Sequence[Batch],
    warm_up: Batch,
    relay: Callable[[Path, int], Relay] | None = None,
) -> Row:
    """Send the batches at once, wait until the receiver has everything.

    CannotRun, also when something is missing or has another size at the receiver.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    receiver = Receiver(home, nagle=setting.receiver_nagle)
    between = relay(home, receiver.port) if relay is not None else None
    try:
        with running(system, home, between.port if between is not None else receiver.port):
            _send_and_wait(home, system, setting, [warm_up], receiver, already=0)
            return _send_and_wait(home, system, setting, batches, receiver, already=warm_up.instances)
    except TimeoutError as error:
        raise CannotRun(f"{system.name}: {error}") from None
    finally:
        if between is not None:
            between.close()
        receiver.close()


@contextlib.contextmanager
def running(system: System, home: Path, receiver_port: int) -> Iterator[None]:
    """A system from when it listens until it is gone."""
    system.start(home, receiver_port)
    try:
        yield
    finally:
        system.stop()


def _send_and_wait(
    home: Path, system: System, setting: Setting, batches: Sequence[Batch], receiver: Receiver, already: int
) -> Row:
    instances, size = sum(batch.instances for batch in batches), sum(batch.bytes for batch in batches)
    environment = {} if setting.sender_nagle else NO_NAGLE
    os.sync()  # nobody pays for what was written before
    spent = processes.cpu_seconds(system.pids())
    with MemoryWatch(system.pids, setting.pace) as memory:
        started = time.monotonic()
        senders = [_sender(home, system.port, batch, environment) for batch in batches]
        codes = [processes.wait(sender, PATIENCE) for sender in senders]
        accepted = time.monotonic()
        if any(codes):
            raise CannotRun(f"{system.name}: a sender failed, see {home}")
        system.forward(receiver.port)
        delivered = receiver.arrivals.wait_for(already + instances, PATIENCE)
        spent = processes.cpu_seconds(system.pids()) + system.cpu_of_ended() - spent
    _check(receiver.folder, batches, system.name, setting)
    return Row(
        setting.scenario, setting.workload, system.name, setting.variant, len(batches),
        round(accepted - started, 4), round(delivered - started, 4), round(spent, 3), round(memory.peak / 1e6, 1),
        instances, size,
    )  # fmt: skip


def _sender(home: Path, port: int, batch: Batch, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = ["storescu", "-aec", "DROMOS", "+sd", "+sp", "*.dcm", "127.0.0.1", str(port), batch.folder]
    return processes.start(command, home / "senders.log", environment)


def _check(folder: Path, batches: Sequence[Batch], name: str, setting: Setting) -> None:
    """Everything that was sent is there to its last byte; with `compare`, each byte is looked at."""
    received = {file.name.partition(".")[2]: file for file in folder.iterdir()}
    for batch in batches:
        for file in batch.folder.glob("*.dcm"):
            head = read_head(file)
            changed = setting.outgoing
            copy = received.get(changed(head.sop_instance_uid) if changed else head.sop_instance_uid)
            if copy is None:
                raise CannotRun(f"{name}: an instance is missing at the receiver")
            if changed:
                if not _same(file, file.stat().st_size - _TAIL, copy, copy.stat().st_size - _TAIL):
                    raise CannotRun(f"{name}: an instance has other pixels at the receiver")
                continue
            size = file.stat().st_size - head.data_set_offset
            offset = read_head(copy).data_set_offset
            if copy.stat().st_size - offset != size:
                raise CannotRun(f"{name}: an instance has another size at the receiver")
            skip = 0 if setting.compare else max(0, size - _TAIL)
            if not _same(file, head.data_set_offset + skip, copy, offset + skip):
                raise CannotRun(f"{name}: an instance has other bytes at the receiver")


def _same(one: Path, start: int, other: Path, offset: int) -> bool:
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        left.seek(start)
        right.seek(offset)
        while block := left.read(2**20):
            if block != right.read(len(block)):
                return False
    return True
