# SPDX-License-Identifier: Apache-2.0
"""STOW-RS by Dromos, Orthanc's client and dicomweb-client, all into the same kind of server, Orthanc.

Variant `disk`: everything is received and waits; the clock of `delivered` starts when it may go. It compares clients,
and nothing but STOW-RS is in it. Dromos' clock starts at the last look that found it waiting, before anything can have
left. Variant `chain`: from the sender's start through C-STORE to the server. Dromos sends while it receives, and syncs
what it receives; the others do neither, so it compares gateways and most of it is the receiving.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from bench import processes
from bench.choice import EVERYTHING, Choice
from bench.interleave import say
from bench.processes import CannotRun, MemoryWatch
from bench.rounds import PATIENCE, running
from bench.rows import Row
from bench.systems.dicomweb_client import DicomwebClient
from bench.systems.dromos import Dromos
from bench.systems.orthanc_stow import PLUGIN, OrthancStow
from bench.systems.system import NO_NAGLE, System
from bench.workloads import ALL, BIG, Batch, Workload, batches, warm_up

VARIANTS = ("disk", "chain")
SYSTEMS: tuple[System, ...] = (Dromos(stow=True), OrthancStow(), DicomwebClient())


class Receiver:
    """Orthanc; it stands for another machine, so what it gets lies in memory and costs our disk nothing."""

    def __init__(self, home: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dromos-bench-", dir="/dev/shm"))
        self.port = processes.free_port()
        configuration = {
            "Name": "receiver",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "Plugins": [PLUGIN],
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "DicomWeb": {"Enable": True},
        }
        (home / "receiver.json").write_text(json.dumps(configuration))
        self._process = processes.start(["Orthanc", home / "receiver.json"], home / "receiver.log", {})
        processes.wait_until_listening(self._process, self.port)

    def wait_for(self, count: int) -> float:
        """Wait until it holds so many; when that was. TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            held = int(self._get("/statistics")["CountInstances"])
            if held >= count:
                return time.monotonic()
            time.sleep(0.02)
        raise TimeoutError(f"{held} of {count} instances arrived within {PATIENCE:.0f} s")

    def bytes(self) -> int:
        """The size of all files it holds."""
        return int(self._get("/statistics")["TotalDiskSize"])

    def close(self) -> None:
        """End it and forget what it has."""
        processes.end(self._process)
        shutil.rmtree(self.folder)

    def _get(self, path: str) -> dict[str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as response:
            found: dict[str, str] = json.load(response)
            return found


def run(home: Path, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """Some rounds of each, one system after the other."""
    for variant, workload in product(choice.of_variants(VARIANTS), choice.of_workloads(ALL)):
        (batch,), warming = batches(home, workload), warm_up(home)
        rounds = 1 if workload is BIG else choice.rounds
        for number in range(rounds):
            for system in choice.of_systems(SYSTEMS):
                row = _round(home / "round", system, workload, variant, batch, warming)
                say(f"{number + 1}/{rounds}", row)
                yield row


def _round(home: Path, system: System, workload: Workload, variant: str, batch: Batch, warming: Batch) -> Row:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    receiver = Receiver(home)
    try:
        with running(system, home, receiver.port):
            _send(home, system, receiver, warming, already=0)
            if variant == "disk" and isinstance(system, Dromos):
                system.suspend(suspend=True)
            before = receiver.bytes()
            with MemoryWatch(system.pids, 0.05) as memory:
                spent = processes.cpu_seconds(system.pids())
                accepted, delivered = _send(
                    home, system, receiver, batch, warming.instances, from_disk=variant == "disk"
                )
                spent = processes.cpu_seconds(system.pids()) - spent
            if receiver.bytes() - before < batch.bytes - 1024 * batch.instances:
                raise CannotRun(f"{system.name}: less arrived than was sent")
    except TimeoutError as error:
        raise CannotRun(f"stow {workload.name}: {system.name}: {error}") from None
    finally:
        receiver.close()
    return Row(
        "stow", workload.name, system.name, variant, 1, round(accepted, 4), round(delivered, 4), round(spent, 3),
        round(memory.peak / 1e6, 1), batch.instances, batch.bytes,
    )  # fmt: skip


def _send(
    home: Path, system: System, receiver: Receiver, batch: Batch, already: int, *, from_disk: bool = False
) -> tuple[float, float]:
    """Seconds until all is accepted, and until all has arrived."""
    os.sync()
    command = ["storescu", "-aec", "DROMOS", "+sd", "+sp", "*.dcm", "127.0.0.1", str(system.port), batch.folder]
    started = time.monotonic()
    sender: subprocess.Popen[bytes] = processes.start(command, home / "senders.log", NO_NAGLE)
    if processes.wait(sender, PATIENCE) != 0:
        raise CannotRun(f"{system.name}: the sender failed, see {home}")
    accepted = time.monotonic() - started
    if from_disk:
        started = system.suspend(suspend=False) if isinstance(system, Dromos) else time.monotonic()
    system.forward(receiver.port)
    return accepted, receiver.wait_for(already + batch.instances) - started
