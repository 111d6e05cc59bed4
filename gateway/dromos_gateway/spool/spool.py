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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from dromos_gateway.background import Background
from dromos_gateway.header import HeaderView
from dromos_gateway.spool import ledger, promises, shares, slots
from dromos_gateway.spool.committer import Committer
from dromos_gateway.spool.folders import make_durably
from dromos_gateway.spool.incoming import IncomingFile
from dromos_gateway.spool.journal import Journal
from dromos_gateway.spool.keeping import Arrived, Keeping, Kept
from dromos_gateway.spool.ledger import Released, Settlement
from dromos_gateway.spool.notes import Notes
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.recording import FRONT, Recorder
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
from dromos_gateway.spool.recovery import recover, redeem
from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.spool.settling import Settling
from dromos_gateway.spool.slots import Slots
from dromos_gateway.spool.space import Space

log = logging.getLogger(__name__)


class SpoolBusy(Exception):
    """Another process works on this spool."""


Result = TypeVar("Result")


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
        key, self._mark = promises.state(self._writer)
        self._journal = Journal(folder / "journal", key)
        numbers = Numbers(self._writer, self._mark)
        self._settling = Settling(folder, numbers)
        self._notes = Notes(folder / "delivered")
        self._committer = Committer(self._writer, folder, self._journal, self._settling, self._released)
        self._keeping = Keeping(
            folder, self.space, self._slots, numbers, self._settling, self._committer, self._journal
        )
        self._background = Background()

    @property
    def arrived(self) -> Arrived:
        """Who delivers what has become durable."""
        return self._keeping.arrived

    @arrived.setter
    def arrived(self, arrived: Arrived) -> None:
        self._keeping.arrived = arrived

    @property
    def recorder(self) -> Recorder | None:
        """Who keeps a transfer log. To be there before anything is recovered, of which it has to hear."""
        return self._settling.recorder

    @recorder.setter
    def recorder(self, recorder: Recorder | None) -> None:
        self._settling.recorder = recorder

    @property
    def there(self) -> bool:
        """Whether the folder is still the one that was opened: what is written into one that is gone is gone, too."""
        try:
            return _identity(self.folder / "ledger.sqlite") == self._opened
        except OSError:
            return False

    def recover(self, now: float) -> None:
        """Bring files and rows into line after a crash. Call it once, before anything else."""
        records = self._journal.left(self._mark)
        self.space.used = recover(self._writer, self.folder, now, self.recorder, records)
        self.space.used += redeem(self._writer, self.folder, records, self._settling, now)
        self._journal.start()
        self._keeping.blank()
        self._settling.prepare(self._writer)
        self._committer.start()
        self._slots.prepare()

    async def close(self) -> None:
        """Commit what is queued and let go of the folder."""
        await self._keeping.finish()
        await self._committer.close()
        await self._background.over()
        await self._slots.close()
        self._keeping.close()
        self._journal.close()
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
        senders: int = 2,
    ) -> None:
        """Make an instance durable and hand it to delivery, then say so, or which OSError or sqlite3.Error it was.

        An instance that no destination takes is only counted. `read` is its header in memory, where that was read
        already. `senders` is how many associations send just now: with one, there is no use in waiting for another's.
        """
        front = read if read is not None else incoming.beginning[:FRONT]
        if any(item.state is State.Waiting for item in plan):
            self._keeping.keep(incoming, instance, front, plan, kept, senders=senders)
            return
        incoming.abandon()
        change = partial(self._settling.pass_by, instance=instance, front=front, plan=plan)
        self._committer.submit(change, lambda _, error: kept(error), at_once=senders <= 1)

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

    def reschedule(self, delivery: Delivery, at: float) -> None:
        """Keep what a failed attempt said."""
        self._slots.trim(delivery.instance.file, delivery.instance.size)
        self._committer.submit(lambda connection: ledger.reschedule(connection, delivery, at))

    def _released(self, objects: Sequence[Released]) -> None:
        """Nobody needs these any longer: blank their slots, delete their files."""
        for moved in self._settling.take_moved():
            self._slots.trim(*moved)
        files = []
        for name, size in objects:
            self.space.add(-size)
            if not self._slots.recycle(name, size):
                files.append(name)
        if files:
            self._background.start(asyncio.to_thread(self._delete, files))

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
        return await self._ask(shares.due, at, limit)

    async def next_share(self) -> float | None:
        """When the next one is due."""
        return await self._ask(shares.next_due)

    async def failed_shares(self, number: int | None = None) -> list[FailedShare]:
        """Shares that were given up, the newest first."""
        return await self._ask(shares.failed, number)

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
            revived = ledger.revive(connection, failure, destination, at)
            if revived is not None and self.recorder is not None:
                self.recorder.revived(connection, revived)
            return revived

        delivery: Delivery | None = await self._committer.change(apply)
        if delivery is not None:
            self.arrived((delivery,))
        return delivery

    async def discard(self, failure: int, at: float) -> bool:
        """Give a dead letter up by hand."""

        def apply(connection: sqlite3.Connection) -> tuple[bool, Released | None]:
            found, released = ledger.discard(connection, failure)
            if found and self.recorder is not None:
                self.recorder.discarded(connection, failure, at)
            return found, released

        found, released = await self._committer.change(apply)
        if released is not None:
            self._released((released,))
        return bool(found)

    async def failures(self, *which: Any) -> list[Failure]:
        """Dead letters; which ones, as `ledger.failures` has it."""
        return await self._ask(ledger.failures, *which)

    async def totals(self) -> dict[str, Totals]:
        """What each destination has, had and lost."""
        return await self._ask(ledger.totals)

    async def instances(self) -> int:
        """How many objects the spool holds."""
        return await self._ask(ledger.instances)

    async def _ask(self, question: Callable[..., Result], *about: Any) -> Result:
        """Ask the ledger, once it has heard of all that was acknowledged."""
        if self._committer.behind:
            with contextlib.suppress(OSError, sqlite3.Error):  # then it is asked what it knows
                await self._committer.change(lambda _: None)
        async with self._reading:
            return await asyncio.to_thread(question, self._reader, *about)

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
