# SPDX-License-Identifier: Apache-2.0
"""The spool as the rest of the gateway sees it: open and recover, receive, settle.

Receiving and delivering meet only here, on the disk; either may one day run in a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dromos_gateway.header import HeaderView
from dromos_gateway.spool import ledger, shares, slots
from dromos_gateway.spool.committer import Committer
from dromos_gateway.spool.folders import make_durably
from dromos_gateway.spool.incoming import IncomingFile, NewFile
from dromos_gateway.spool.ledger import Released, Settlement
from dromos_gateway.spool.notes import Notes
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.recording import Arrival, Front, Recorder
from dromos_gateway.spool.records import (
    Delivery,
    Ending,
    FailedShare,
    Failure,
    Instance,
    Planned,
    Sent,
    Share,
    State,
    Totals,
)
from dromos_gateway.spool.recovery import recover
from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.spool.slots import Slots
from dromos_gateway.spool.space import Space

log = logging.getLogger(__name__)


LARGE = 2 * 1024 * 1024  # bytes of an object that is synced apart from the others


class SpoolBusy(Exception):
    """Another process works on this spool."""


Result = TypeVar("Result")
Kept = Callable[[Exception | None], None]
_FRONT = 4096  # bytes of a data set that are kept in memory until the log has them; more is in the file


class Spool:
    """Part 10 files below objects/ and a ledger of what becomes of them."""

    def __init__(self, folder: Path, limit: int | None) -> None:
        for part in (folder, folder / "incoming", folder / "objects", folder / slots.FOLDER):
            make_durably(part)
        self.folder = folder
        self.objects = folder / "objects"
        self._lock = _lock(folder / "lock")
        self._writer = connect(folder / "ledger.sqlite")
        self._reader = connect_for_reading(folder / "ledger.sqlite")
        self._opened = _identity(folder / "ledger.sqlite")
        self._reading = asyncio.Lock()
        self.space = Space(folder, limit)
        self._slots = Slots(folder, self.space)
        self._numbers = Numbers(self._writer)
        self._notes = Notes(folder / "delivered")
        self._committer = Committer(self._writer, folder, self._settle, self._released, self._rolled_back)
        self._tasks: set[asyncio.Task[None]] = set()
        self.arrived: Callable[[Sequence[Delivery]], None] = lambda _: None  # set by whoever delivers
        self.recorder: Recorder | None = None  # set by whoever keeps a transfer log

    @property
    def there(self) -> bool:
        """Whether the folder is still the one that was opened: what is written into one that is gone is gone, too."""
        try:
            return _identity(self.folder / "ledger.sqlite") == self._opened
        except OSError:
            return False

    def recover(self, now: float) -> None:
        """Bring files and rows into line after a crash. Call it once, before anything else."""
        self.space.used = recover(self._writer, self.folder, now)
        self._committer.start()
        self._slots.refill()

    async def close(self) -> None:
        """Commit what is queued and let go of the folder."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._committer.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._slots.close()
        self._notes.close()
        self._reader.close()
        self._writer.close()
        os.close(self._lock)

    # Receiving

    def begin(self, head: bytes) -> IncomingFile:
        """Take in an instance; OSError when that cannot be done."""
        return IncomingFile(self.folder, self._slots, self.space, head)

    def keep(
        self,
        incoming: IncomingFile,
        instance: Instance,
        plan: Sequence[Planned],
        kept: Kept,
        *,
        read: HeaderView | None = None,
        alone: bool = False,
    ) -> None:
        """Make an instance durable and hand it to delivery, then say so, or which OSError or sqlite3.Error it was.

        An instance that no destination takes is only counted. `read` is its header in memory, where that was read
        already. With `alone` nobody else's instance is about to come, so there is no use in waiting for one.
        """
        front = read if read is not None else incoming.beginning[:_FRONT]
        if not any(item.state is State.Waiting for item in plan):
            incoming.abandon()
            change = partial(self._count_excluded, instance, front, plan)
            self._committer.submit(change, lambda _, error: kept(error), at_once=alone)
            return
        try:
            file = incoming.complete()
        except OSError:
            incoming.abandon()
            raise
        if instance.size > LARGE:
            self._spawn(self._keep_large(file, instance, front, plan, kept))
        else:
            self._add(file, instance, front, plan, kept, at_once=alone)

    async def _keep_large(
        self, file: NewFile, instance: Instance, front: Front, plan: Sequence[Planned], kept: Kept
    ) -> None:
        """Sync most of it before its turn, so that the others of its round need not wait for that."""
        with contextlib.suppress(OSError):  # its turn will say the same
            await asyncio.to_thread(os.fdatasync, file.descriptor)
        self._add(file, instance, front, plan, kept)

    def _add(
        self,
        file: NewFile,
        instance: Instance,
        front: Front,
        plan: Sequence[Planned],
        kept: Kept,
        *,
        at_once: bool = False,
    ) -> None:
        arrival: list[Arrival] = []
        answers_first = at_once  # the sender need not wait while delivery takes note; later rounds keep the order

        def apply(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
            named = replace(instance, id=self._numbers.take(connection), file=file.name)
            arrival.append(Arrival(named, front, plan))
            return ledger.add(connection, named, plan)

        def done(deliveries: tuple[Delivery, ...], error: Exception | None) -> None:
            if error is not None:
                self._forget(file, instance.size)
                kept(error)
                return
            if answers_first:
                kept(None)
            self._committer.end(arrival[-1])
            self.arrived(deliveries)
            if not answers_first:
                kept(None)

        self._committer.submit(apply, done, file=file, at_once=at_once)
        answers_first = False

    def _forget(self, file: NewFile, size: int) -> None:
        """What could not be made durable was never there."""
        self.space.add(-size)
        self._slots.discard(file.name)
        for path in (file.temporary, self.folder / file.name):
            if path is not None:
                path.unlink(missing_ok=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _count_excluded(
        self, instance: Instance, front: Front, plan: Sequence[Planned], connection: sqlite3.Connection
    ) -> None:
        ledger.count_excluded(connection, plan)
        if self.recorder is not None:
            self.recorder.arrived(connection, instance, front, plan)

    # Delivering

    def path(self, instance: Instance) -> Path:
        """Where an instance's file is."""
        return self.folder / instance.file

    def waiting(self) -> Iterator[Delivery]:
        """Everything that waits. Call it before the loop serves anybody."""
        return ledger.waiting(self._writer)

    def delivered_before(self, delivery: Delivery) -> float | None:
        """When an earlier process, killed since, delivered what still waits in the ledger; None: not that we know."""
        return self._notes.when(delivery.id, delivery.since)

    def settle(
        self,
        delivery: Delivery,
        state: State,
        *,
        reason: str = "",
        message: str = "",
        at: float,
        sent: Sent | None = None,
    ) -> None:
        """End a delivery; the object goes when it was the last one. `sent` is there where something was changed."""
        if state is State.Failed:
            self._slots.trim(delivery.instance.file, delivery.instance.size)
        elif state is State.Delivered and sent is None and not (message or delivery.shares):  # all that a note can say
            self._notes.add(delivery.id, delivery.since, at)
        self._committer.end(Settlement(delivery, Ending(state, reason, message, at, sent)))

    def _rolled_back(self) -> None:
        if self.recorder is not None:
            self.recorder.rolled_back()

    def _settle(self, connection: sqlite3.Connection, endings: Sequence[Arrival | Settlement]) -> list[Released]:
        """Write down what came in and what became of it, in the order in which it happened."""
        settlements = [each for each in endings if isinstance(each, Settlement)]
        if (recorder := self.recorder) is not None:
            for each in endings:
                if isinstance(each, Settlement):
                    recorder.settled(connection, each.delivery, each.ending)
                else:
                    recorder.arrived(connection, each.instance, each.front, each.plan)
        return ledger.settle(connection, settlements)

    def reschedule(self, delivery: Delivery, at: float) -> None:
        """Keep what a failed attempt said."""
        self._slots.trim(delivery.instance.file, delivery.instance.size)
        self._committer.submit(lambda connection: ledger.reschedule(connection, delivery, at))

    def _released(self, objects: Sequence[Released]) -> None:
        """Nobody needs these any longer: blank their slots, delete their files."""
        files = []
        for name, size in objects:
            self.space.add(-size)
            if not self._slots.recycle(name, size):
                files.append(name)
        if files:
            self._spawn(asyncio.to_thread(self._delete, files))

    def _delete(self, files: Sequence[str]) -> None:
        for name in files:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                log.warning("a delivered object could not be deleted", extra={"error": error.strerror})

    async def bury_destination(self, destination: str, *, reason: str, message: str, at: float) -> int:
        """Make dead letters of all that waits for a destination."""

        def apply(connection: sqlite3.Connection) -> int:
            if self.recorder is not None:
                for delivery in ledger.waiting_for(connection, destination):
                    self.recorder.settled(connection, delivery, Ending(State.Failed, reason, message, at))
            return ledger.bury_destination(connection, destination, reason=reason, message=message, at=at)

        number: int = await self._committer.change(apply)
        return number

    # Sharing

    async def due_shares(self, at: float, limit: int) -> list[Share]:
        """Series that shall go into albums now."""
        async with self._reading:
            return await asyncio.to_thread(shares.due, self._reader, at, limit)

    async def next_share(self) -> float | None:
        """When the next one is due."""
        async with self._reading:
            return await asyncio.to_thread(shares.next_due, self._reader)

    async def failed_shares(self, number: int | None = None) -> list[FailedShare]:
        """Shares that were given up, the newest first."""
        async with self._reading:
            return await asyncio.to_thread(shares.failed, self._reader, number)

    async def share_done(self, share: Share, at: float) -> None:
        """A series is in its album."""
        await self._committer.change(lambda connection: shares.done(connection, share, at))

    async def share_failed(self, share: Share, message: str, at: float) -> None:
        """A share is given up."""
        await self._committer.change(lambda connection: shares.fail(connection, share, message, at))

    async def shares_later(self, later: Sequence[Share], due: float, message: str, at: float) -> None:
        """Shares of one album wait; with a message, an attempt of the first one failed."""
        await self._committer.change(lambda connection: shares.postpone(connection, later, due, message, at))

    def purge_shares(self, at: float) -> None:
        """Forget shares that were settled long ago."""
        self._committer.submit(lambda connection: shares.purge(connection, at))

    # What others keep beside the ledger

    @property
    def ledger(self) -> sqlite3.Connection:
        """The connection for writing, before the loop serves anybody."""
        return self._writer

    async def change(self, apply: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a change in the committer's thread and transaction. OSError or sqlite3.Error when it did not last."""
        result: Result = await self._committer.change(apply)
        return result

    # Dead letters and figures

    async def revive(self, failure: int, destination: str | None, at: float) -> Delivery | None:
        """Put a dead letter back into a queue."""

        def apply(connection: sqlite3.Connection) -> Delivery | None:
            if self.recorder is not None:
                self.recorder.revived(connection, failure)
            return ledger.revive(connection, failure, destination, at)

        delivery: Delivery | None = await self._committer.change(apply)
        if delivery is not None:
            self.arrived((delivery,))
        return delivery

    async def discard(self, failure: int, at: float) -> bool:
        """Give a dead letter up by hand."""

        def apply(connection: sqlite3.Connection) -> tuple[bool, Released | None]:
            if self.recorder is not None:
                self.recorder.discarded(connection, failure, at)
            return ledger.discard(connection, failure)

        found, released = await self._committer.change(apply)
        if released is not None:
            self._released((released,))
        return bool(found)

    async def failures(self, *which: Any) -> list[Failure]:
        """Dead letters; which ones, as `ledger.failures` has it."""
        async with self._reading:
            return await asyncio.to_thread(ledger.failures, self._reader, *which)

    async def totals(self) -> dict[str, Totals]:
        """What each destination has, had and lost."""
        async with self._reading:
            return await asyncio.to_thread(ledger.totals, self._reader)

    async def instances(self) -> int:
        """How many objects the spool holds."""
        async with self._reading:
            (number,) = await asyncio.to_thread(
                lambda: self._reader.execute("SELECT count(*) FROM instances").fetchone()
            )
        return int(number)

    # Last accepted configuration

    def accepted(self) -> list[tuple[str, str, str, str, str]]:
        """Documents as they were last accepted: kind, namespace, name, file, JSON. Before the loop serves anybody."""
        return list(self._writer.execute("SELECT kind, namespace, name, file, document FROM accepted"))

    async def remember_accepted(self, documents: Sequence[tuple[str, str, str, str, str]]) -> None:
        """Replace what is remembered as accepted."""

        def apply(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM accepted")
            connection.executemany("INSERT OR REPLACE INTO accepted VALUES (?, ?, ?, ?, ?)", documents)

        await self._committer.change(apply)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SpoolBusy(f"another gateway works on {path.parent}; give each one a --spool of its own") from None
    return descriptor
