# SPDX-License-Identifier: Apache-2.0
"""A spool with its threads at work, and what is left of one that was killed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

from dromos_gateway.spool.records import Delivery, Planned, State
from dromos_gateway.spool.spool import Spool
from tests.unit.gateway.records import instance

A, B, C = "default/a", "default/b", "default/c"


class Recorder:
    """Notes what a transfer log would hear."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def arrived(self, _connection, _instance, _front, plan, *, stays=True) -> None:
        self.heard.append("arrived " + " ".join(f"{each.destination} {each.state}" for each in plan))

    def settled(self, _connection, delivery, ending) -> None:
        self.heard.append(f"{delivery.destination} {ending.state}")

    def flush(self, _connection) -> None: ...

    def rolled_back(self) -> None:
        self.heard.append("rolled back")


class Running:
    """A spool, and everything that its senders and its deliveries see."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder, None)
        self.spool.recorder = self.recorder = Recorder()
        self.spool.recover(2000.0)
        self.spool.arrived = lambda deliveries: self.arrived.extend(deliveries)
        self.arrived: list[Delivery] = []
        self.statements: list[str] = []
        self.spool.ledger.set_trace_callback(self.statements.append)

    async def keep(self, *plan: Planned, content: bytes = b"data set", number: int = 1, senders: int = 1) -> None:
        """Until it is acknowledged, and not a turn of the loop longer."""
        incoming = self.spool.begin(b"head")
        incoming.write(memoryview(content))
        item = replace(instance(number), size=incoming.size, data_set_offset=4)
        answer: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.spool.keep(incoming, item, plan, answer.set_result, senders=senders)
        if (error := await answer) is not None:
            raise error

    def deliver(self, delivery: Delivery) -> None:
        self.spool.settle(delivery, State.Delivered, at=2001.0)

    async def tell_ledger(self) -> None:
        """Until it has heard of what is due."""
        self.spool._committer._late()
        await self.still()

    async def still(self) -> None:
        """Until no thread is at work on the folder, as on a slow disk: a copy would be of no moment at all."""
        while self.spool._committer._busy or self.spool._slots._making is not None:  # noqa: ASYNC110 - nobody else asks
            await asyncio.sleep(0.001)

    @property
    def rows(self) -> int:
        return sum(text.startswith("INSERT INTO instances") for text in self.statements)

    def content(self, delivery: Delivery) -> bytes:
        return (self.spool.folder / delivery.instance.file).read_bytes()[: delivery.instance.size]


@contextlib.asynccontextmanager
async def running(folder: Path):
    gateway = Running(folder)
    if gateway.spool._slots._making is not None:
        await gateway.spool._slots._making
    try:
        yield gateway
    finally:
        await gateway.spool.close()


def killed(spool: Spool, name: str = "killed") -> Path:
    """What a process leaves that is killed now: all of one moment, though its threads go on while it is copied."""
    copy = spool.folder.parent / name
    for _ in range(200):
        with contextlib.suppress(OSError):  # something went meanwhile
            before = state_of(spool.folder)
            shutil.copytree(spool.folder, copy, ignore=shutil.ignore_patterns("*-shm"))
            if state_of(spool.folder) == before:
                return copy
        shutil.rmtree(copy, ignore_errors=True)
    raise AssertionError("the spool never comes to rest")


def state_of(folder: Path) -> dict[Path, tuple[int, int, int]]:
    found = ((path, path.stat()) for path in folder.rglob("*") if not path.name.endswith("-shm"))
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found}


def waiting_for(*destinations: str) -> tuple[Planned, ...]:
    return tuple(Planned(destination, State.Waiting) for destination in destinations)
