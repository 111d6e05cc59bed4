# SPDX-License-Identifier: Apache-2.0
"""How an instance that has come in becomes durable: by a record of the journal, or by a file and rows of the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dromos_gateway.background import Background
from dromos_gateway.spool import ledger
from dromos_gateway.spool.committer import Committer
from dromos_gateway.spool.incoming import IncomingFile, NewFile
from dromos_gateway.spool.journal import Journal
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.promises import Promise, facts_of
from dromos_gateway.spool.recording import Front
from dromos_gateway.spool.records import Delivery, Instance, Planned
from dromos_gateway.spool.settling import Settling
from dromos_gateway.spool.slots import Slots
from dromos_gateway.spool.space import Space

log = logging.getLogger(__name__)

LARGE = 2 * 1024 * 1024  # bytes of an object that is synced apart from the others
_REST = 0.25  # seconds that the journal may show what it held

Kept = Callable[[Exception | None], None]
Arrived = Callable[[Sequence[Delivery]], None]


class Keeping:
    """Runs in the loop."""

    def __init__(
        self,
        folder: Path,
        space: Space,
        slots: Slots,
        numbers: Numbers,
        settling: Settling,
        committer: Committer,
        journal: Journal,
    ) -> None:
        self._folder = folder
        self._space = space
        self._slots = slots
        self._numbers = numbers
        self._settling = settling
        self._committer = committer
        self._journal = journal
        self._background = Background()
        self._timer: asyncio.TimerHandle | None = None
        self.arrived: Arrived = lambda _: None  # set by whoever delivers

    async def finish(self) -> None:
        """Wait for large ones that are being synced."""
        await self._background.over()

    def close(self) -> None:
        """Leave nothing to be seen."""
        if self._timer is not None:
            self._timer.cancel()
        self.blank()

    def blank(self) -> bool:
        """Overwrite what is over in the journal; False while something is not."""
        try:
            return self._journal.blank()
        except OSError as error:
            self._committer.pause_journal(error)
            return False

    def _rest(self, seen: int) -> None:
        """Blank the journal when nothing has come for a moment."""
        resting = self._journal.head == seen and self.blank()
        head = self._journal.head
        self._timer = None if resting else asyncio.get_running_loop().call_later(_REST, self._rest, head)

    def keep(
        self,
        incoming: IncomingFile,
        instance: Instance,
        front: Front,
        plan: Sequence[Planned],
        kept: Kept,
        *,
        senders: int,
    ) -> None:
        """Make an instance durable and hand it to delivery, then say so, or which OSError or sqlite3.Error it was."""
        alone, self._committer.senders = senders <= 1, senders
        promising = self._journal.usable and self._committer.well
        content = incoming.memory if promising else None
        try:
            file = incoming.complete(to_be_synced=content is None)
        except OSError:
            incoming.abandon()
            raise
        if promising and file.temporary is None:
            promise = self._promise(instance, file, front, plan, content)
            if promise is not None:
                self._submit(file, promise, kept, at_once=alone)
                return
        if instance.size > LARGE:
            self._background.start(self._keep_large(file, instance, front, plan, kept))
        else:
            self._add(file, instance, front, plan, kept, at_once=alone)

    def _promise(
        self, instance: Instance, file: NewFile, front: Front, plan: Sequence[Planned], content: bytearray | None
    ) -> Promise | None:
        """Begin the record of an instance in a slot; None when it has to go to the ledger."""
        number = self._numbers.take_reserved()
        if number is None:
            return None
        named = replace(instance, id=number, file=file.name)
        try:
            entry = self._journal.begin(number, facts_of(named, plan), content)
        except OSError as error:
            self._committer.pause_journal(error)
            return None
        except ValueError:  # nothing that a row could say, either: the ledger will refuse it
            return None
        if entry is None:
            return None
        if self._timer is None:
            self._rest(-1)
        since = asyncio.get_running_loop().time()
        return Promise(entry, named, plan, ledger.deliveries(named, plan), content, front, since)

    def _submit(self, file: NewFile, promise: Promise, kept: Kept, *, at_once: bool) -> None:
        """Let the journal make it durable, or the ledger where the journal cannot."""
        instance = promise.instance
        add = partial(self._settling.add, instance=instance, front=promise.front, plan=promise.plan)
        self._durably(add, file, instance.size, kept, promise=promise, at_once=at_once)

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
        """Let the ledger make it durable."""

        def apply(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
            named = replace(instance, id=self._numbers.take(connection), file=file.name)
            return self._settling.add(connection, named, front, plan)

        self._durably(apply, file, instance.size, kept, at_once=at_once)

    def _durably(
        self,
        apply: Callable[[sqlite3.Connection], tuple[Delivery, ...]],
        file: NewFile,
        size: int,
        kept: Kept,
        *,
        promise: Promise | None = None,
        at_once: bool,
    ) -> None:
        answers_first = at_once  # the sender need not wait while delivery takes note; later rounds keep the order

        def done(deliveries: tuple[Delivery, ...], error: Exception | None) -> None:
            if error is not None:
                self._forget(file, size)
                kept(error)
                return
            self._slots.keeps(file.name, size)
            if answers_first:
                kept(None)
            try:
                self.arrived(deliveries)
            finally:  # whatever becomes of it, it is durable
                if not answers_first:
                    kept(None)

        self._committer.submit(apply, done, file=file, promise=promise, at_once=at_once)
        answers_first = False

    def _forget(self, file: NewFile, size: int) -> None:
        """What could not be made durable was never there."""
        self._space.add(-size)
        self._slots.discard(file.name)
        for path in (file.temporary, self._folder / file.name):
            if path is not None:
                path.unlink(missing_ok=True)
