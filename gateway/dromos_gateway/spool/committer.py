# SPDX-License-Identifier: Apache-2.0
"""Group commit: one round of syncs makes everything durable that was ready in one turn of the loop.

A round: sync the journal once for all records; sync the data of every other new file, give those that are no slots
their names and sync that folder once, commit the ledger once. Only then does anybody hear of it. A file there without a
row or a record was never acknowledged, and the next start sweeps it. What the journal has, the ledger is told before
anything else that came later, but not before it is over or has taken its time; what only says that something was sent
waits a moment for company, because losing it in a power cut costs no more than sending an instance twice.

On a fast disk a round is little longer than waking a thread, so it runs where it is. On one where rounds take long, and
while many send, rounds run in a thread: receiving goes on meanwhile, and what it brings shares the next one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.incoming import NewFile
from dromos_gateway.spool.journal import Journal
from dromos_gateway.spool.ledger import Released
from dromos_gateway.spool.promises import Promise, move_mark
from dromos_gateway.spool.rounds import Change, Done, Job, Round
from dromos_gateway.spool.settling import Settling, parted, ripe

log = logging.getLogger(__name__)

_PATIENCE = 0.025  # seconds that an ending may wait for others
_COMPANY = 32  # endings that need not wait any longer
_HOPE = 0.2  # seconds that what is acknowledged, and not over, may be without rows
_RETRY = 1.0  # seconds until endings that could not be noted are tried again
_PAUSE = 5.0  # seconds that the journal rests when the disk did not serve it
_LONG = 0.002  # seconds: while rounds take longer than this, they run in the thread
_FEW = 2  # associations that send; with more, a round where it is would make each of them wait for all others
_INERTIA = 0.8  # what the mean of the last rounds counts against a new one


def _nobody(result: object, error: Exception | None) -> None:
    if error is not None:
        log.error("a change of the ledger was not kept", extra={"error": str(error)})


class Committer:
    """Runs every change of the ledger, in order."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        folder: Path,
        journal: Journal,
        settling: Settling,
        released: Callable[[Sequence[Released]], None],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._objects = folder / "objects"
        self._journal = journal
        self._settling = settling
        self._released = released  # told, on the loop, of objects that nobody needs any longer
        self._loop = asyncio.get_running_loop()
        self._jobs: list[Job] = []
        self._promises: list[Promise] = []
        self._endings: list[Any] = []
        self._kept_back = 0  # endings of promises that may still be spared their rows
        self._scheduled = self._busy = self._closed = self._failing = False
        self._timer: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._usual = 0.0  # seconds of a round
        self._idle = asyncio.Event()
        self._rounds: queue.SimpleQueue[Round | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="committer", daemon=True)
        self.rounds = 0
        self.senders = 1  # associations that send just now

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(
        self,
        apply: Change,
        done: Done = _nobody,
        *,
        file: NewFile | None = None,
        promise: Promise | None = None,
        at_once: bool = False,
    ) -> None:
        """Queue a change; `done` hears its result once it is durable, or OSError or sqlite3.Error.

        With a `promise` that the journal keeps, it is durable before it is applied. A round begins when this turn of
        the loop is over, or `at_once` when no company is to be expected.
        """
        if self._closed:
            done(None, OSError("the spool is closed"))
            return
        self._jobs.append(Job(apply, done, file, promise, promise.entry.number if promise is not None else 0))
        if at_once and not self._busy:
            self._turn()
        else:
            self._schedule()

    def change(self, apply: Change) -> asyncio.Future[Any]:
        """The same with a future for the result."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def done(result: Any, error: Exception | None) -> None:  # whatever `apply` gave
            if not future.done():
                future.set_result(result) if error is None else future.set_exception(error)

        self.submit(apply, done)
        return future

    def end(self, ending: object) -> None:
        """Queue an ending that nobody waits for."""
        if self._closed:
            return
        self._endings.append(ending)
        if self._crowded:
            self._schedule()
        elif self._timer is None:
            self._timer = self._loop.call_later(_PATIENCE, self._late)

    @property
    def behind(self) -> bool:
        """Whether the ledger has not heard of something that was acknowledged."""
        return bool(self._promises) or self._busy

    @property
    def well(self) -> bool:
        """Whether the ledger took what it was told last."""
        return not self._failing

    async def close(self) -> None:
        """Commit what is queued, then stop."""
        if self._closed:
            return
        self._closed = True
        while self._jobs or self._promises or self._endings or self._busy:
            self._turn(everything=True)
            if self._busy:
                self._idle.clear()
                await self._idle.wait()
        if self._pause is not None:
            self._pause.cancel()
        self._rounds.put(None)
        if self._thread.ident is not None:  # it never began where the gateway could not start
            await asyncio.to_thread(self._thread.join)

    # --- on the loop ---

    @property
    def _crowded(self) -> bool:
        return len(self._endings) - self._kept_back >= _COMPANY and not self._failing

    def _schedule(self) -> None:
        if not self._scheduled and not self._busy:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _late(self) -> None:
        self._timer = None
        if not self._busy:
            self._turn(late=True)

    def _due(self, *, everything: bool) -> tuple[list[Promise], list[Any]]:
        """Take what the ledger hears of next: all, or what is before one that is over soon: its mark has no gaps."""
        promises, endings = self._promises, self._endings
        count = len(promises) if everything else ripe(promises, endings, self._loop.time() - _HOPE)
        self._promises = promises[count:]
        endings, self._endings = parted(endings, self._promises)
        self._kept_back = len(self._endings)
        return promises[:count], endings

    def _turn(self, *, everything: bool = False, late: bool = False) -> None:
        """Run a round with what is there, or hand it to the thread."""
        self._scheduled = False
        if self._busy:
            return
        jobs, self._jobs = self._jobs, []
        promises, endings = list[Promise](), list[Any]()
        # a change, or a question, comes behind what happened before it; a file behind what only the journal has
        everything = everything or any(job.promise is None and (self._promises or job.file is None) for job in jobs)
        if everything or late or self._crowded:
            promises, endings = self._due(everything=everything or self._failing or self._journal.crowded)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._promises or self._endings:
                self._timer = self._loop.call_later(_PATIENCE, self._late)
        if not jobs and not promises and not endings:
            return
        work = Round(jobs, promises, endings)
        if self._usual > _LONG or self.senders > _FEW:
            self._busy = True
            self._rounds.put(work)
        else:
            self._run(work)
            self._answer(work)

    def _answer(self, work: Round) -> None:
        self._usual = _INERTIA * self._usual + (1 - _INERTIA) * work.seconds
        self._journal.reclaim(work.mark)
        for entry in work.given_up:
            self._journal.give_up(entry)
        if work.promises or work.endings:
            self._try_again(work)
        elif work.settled:
            self._failing = False
        if work.journal_error is not None:
            self.pause_journal(work.journal_error)
        self._promises += [job.promise for job in work.jobs if job.promise is not None]
        for job in work.jobs:
            try:
                job.done(job.result, job.error)
            except Exception:  # one's mistake must not leave the others of its round without an answer
                log.exception("what comes after a change failed")
        if work.released:
            self._released(work.released)
        if work.again:
            self._jobs[:0] = work.again
            self._schedule()

    def _try_again(self, work: Round) -> None:
        """What was promised or delivered stays so: the ledger must learn of it when the disk works again."""
        if self._closed:
            log.error(
                "the ledger could not be written; deliveries may happen twice", extra={"count": len(work.endings)}
            )
            return
        if not self._failing:
            log.error("the ledger cannot be written: what is delivered is noted when it can")
        self._failing = True
        self._promises[:0] = work.promises
        self._endings[:0] = work.endings
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_RETRY, self._late)

    def pause_journal(self, error: OSError) -> None:
        """Let everything go to the ledger for a while."""
        if self._journal.usable:
            log.warning("the journal cannot be written: instances go to the ledger", extra={"error": error.strerror})
        self._journal.rest()
        if self._pause is not None:
            self._pause.cancel()
        if not self._closed:
            self._pause = self._loop.call_later(_PAUSE, self._journal.resume)

    def _returned(self, work: Round) -> None:
        self._busy = False
        self._answer(work)
        self._idle.set()
        if self._jobs or self._crowded:
            self._schedule()
        elif (self._endings or self._promises) and self._timer is None:
            self._timer = self._loop.call_later(_PATIENCE, self._late)

    # --- on the loop or in the thread, never both at once ---

    def _serve(self) -> None:
        while (work := self._rounds.get()) is not None:
            self._run(work)
            try:
                self._loop.call_soon_threadsafe(self._returned, work)
            except RuntimeError:
                log.warning("the gateway stopped before all was acknowledged", extra={"count": len(work.jobs)})

    def _run(self, work: Round) -> None:
        started = time.monotonic()
        self._keep_promises(work)
        jobs = [job for job in work.jobs if job.promise is None and job.error is None]
        renamed = False
        for job in jobs:
            if job.file is not None:
                job.error = self._settle_file(job.file)
                renamed = renamed or job.file.temporary is not None
        if renamed:
            self._sync_names(jobs)
        good = [job for job in jobs if job.error is None]
        if good or work.promises or work.endings:
            self._settle(work, good)
        self.rounds += 1
        work.seconds = time.monotonic() - started

    def _keep_promises(self, work: Round) -> None:
        """Sync objects in files, then the records; where the latter fails, their jobs come again without."""
        for job in work.jobs:
            if job.promise is not None and job.promise.content is None and job.file is not None:
                job.error = self._settle_file(job.file)
                if job.error is not None:  # nor may it come again: a later sync would say nothing of what is lost now
                    work.given_up.append(job.promise.entry)
                    job.promise = None
        promises = [job.promise for job in work.jobs if job.promise is not None]
        if not promises:
            return
        try:
            kept = self._journal.sync([promise.entry for promise in promises])
        except OSError as error:
            work.journal_error, kept = error, False
        if kept:
            for job in work.jobs:
                if job.promise is not None:
                    job.result = job.promise.deliveries
            return
        work.again = [job for job in work.jobs if job.promise is not None]
        work.jobs = [job for job in work.jobs if job.promise is None]
        for job in work.again:
            job.promise = None

    def _settle(self, work: Round, jobs: Sequence[Job]) -> None:
        """Tell the ledger all at once, or else each on its own: one of them is bad, or the disk is full.

        What was promised comes first, because a record's number tells that the ledger knows all before it.
        """
        promises, endings = work.promises, work.endings
        if self._commit(work, promises, jobs, endings):
            work.promises, work.endings = [], []
            return
        if promises and not self._commit(work, promises, [], []):
            return
        work.promises = []
        if len(jobs) > 1 or promises or endings:
            for job in jobs:
                self._commit(work, [], [job], [])
        if endings and (promises or jobs) and self._commit(work, [], [], endings):
            work.endings = []

    def _settle_file(self, file: NewFile) -> Exception | None:
        try:
            if file.temporary is None:
                os.fdatasync(file.descriptor)
                return None
            try:
                # the rename comes first: a journalling file system then writes name and data in one go
                os.rename(file.temporary, self._folder / file.name)  # noqa: PTH104 - no objects made on the way
                os.fdatasync(file.descriptor)
            finally:
                os.close(file.descriptor)
        except OSError as error:
            return error
        return None

    def _sync_names(self, jobs: Sequence[Job]) -> None:
        try:
            sync_folder(self._objects)
        except OSError as error:
            for job in jobs:
                if job.file is not None and job.file.temporary is not None:
                    job.error = job.error or error

    def _commit(self, work: Round, promises: Sequence[Promise], jobs: Sequence[Job], endings: Sequence[Any]) -> bool:
        connection = self._connection
        mark = max(promises[-1].entry.number if promises else 0, *(job.number for job in jobs), 0)
        try:
            connection.execute("BEGIN IMMEDIATE")
            passed = self._settling.begin(connection, promises, endings)
            for job in jobs:
                job.result = job.apply(connection)
            released = self._settling.end(connection, endings, passed)
            if mark:
                move_mark(connection, mark)
            connection.execute("COMMIT")
        except Exception as error:  # whatever it is, the senders must hear that nothing was kept
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._settling.rolled_back()
            for job in jobs:
                job.error = error
            return False
        self._settling.committed()
        for job in jobs:
            job.error = None
        work.mark = max(work.mark, mark)
        work.settled = work.settled or bool(promises or endings)
        work.released = work.released or released
        return True
