# SPDX-License-Identifier: Apache-2.0
"""Group commit: one thread makes many instances durable with one round of syncs.

A round: rename every new file into objects/ and fdatasync it, fsync that folder once, commit the ledger once. Only
then do the waiting coroutines hear of it. The rename comes first: a journalling file system then writes names and data
in one go, and the folder's own sync finds nothing left to do. A file there without a row was never acknowledged, and
the next start sweeps it. What only says that something was sent may wait a moment for company, because
losing it in a power cut costs no more than sending an instance twice.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dromos_gateway.spool.folders import sync_folder

log = logging.getLogger(__name__)

_MOST = 512  # jobs in one round
_PATIENCE = 0.05  # seconds that a job without urgency may wait for others


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was written and shall become durable under its final name."""

    descriptor: int  # the committer closes it
    temporary: Path
    final: Path


@dataclass(slots=True)
class _Job:
    apply: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any] | None
    file: NewFile | None
    removes: bool  # the result names a file that may go after the commit
    urgent: bool
    result: Any = None
    error: Exception | None = None


class Committer:
    """Runs every change of the ledger, in order, in a thread of its own."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        objects: Path,
        freed: Callable[[int], None],
        rolled_back: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._objects = objects
        self._rolled_back = rolled_back  # told, in the committer's thread, that nothing of a transaction lasts
        self._freed = freed  # told, on the loop, how many bytes delivered objects gave back
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._closed = False
        self.rounds = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(
        self, apply: Callable[[sqlite3.Connection], Any], *, file: NewFile | None = None, urgent: bool = True
    ) -> asyncio.Future[Any]:
        """Queue a change; the future has its result once it is durable. OSError or sqlite3.Error when it is not."""
        future: asyncio.Future[Any] = self._loop.create_future()
        if self._closed:
            if file is not None:
                os.close(file.descriptor)
            future.set_exception(OSError("the spool is closed"))
            return future
        self._jobs.put(_Job(apply, future, file, removes=False, urgent=urgent))
        return future

    def post(self, apply: Callable[[sqlite3.Connection], str | None]) -> None:
        """Queue a change that nobody waits for. The file it names, if any, is deleted after the commit."""
        if not self._closed:
            self._jobs.put(_Job(apply, None, None, removes=True, urgent=False))

    async def close(self) -> None:
        """Commit what is queued, then stop."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            jobs, last = self._gather()
            if jobs:
                self._round(jobs)
            if last:
                return

    def _gather(self) -> tuple[list[_Job], bool]:
        """The jobs of a round, and whether the committer shall stop after it."""
        jobs: list[_Job] = []
        deadline: float | None = None
        while len(jobs) < _MOST:
            try:
                if deadline is None:
                    job = self._jobs.get()
                elif (left := deadline - time.monotonic()) > 0:
                    job = self._jobs.get(timeout=left)
                else:
                    job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs, False
            if job is None:
                return jobs, True
            jobs.append(job)
            if job.urgent:
                deadline = 0.0
            elif deadline is None:
                deadline = time.monotonic() + _PATIENCE
        return jobs, False

    def _round(self, jobs: list[_Job]) -> None:
        for job in jobs:
            if job.file is not None:
                _settle_file(job, job.file)
        if any(job.file is not None and job.error is None for job in jobs):
            try:
                sync_folder(self._objects)
            except OSError as error:
                for job in jobs:
                    if job.file is not None and job.error is None:
                        job.error = error
        good = [job for job in jobs if job.error is None]
        if good and not self._commit(good) and len(good) > 1:
            for job in good:  # one of them is bad, or the disk is full: each on its own
                self._commit([job])
        self.rounds += 1
        freed = sum(self._clear(job) for job in jobs)
        try:
            if freed:
                self._loop.call_soon_threadsafe(self._freed, freed)
            self._loop.call_soon_threadsafe(_answer, [job for job in jobs if job.future is not None])
        except RuntimeError:
            log.warning("the gateway stopped before %d changes were acknowledged", len(jobs))

    def _commit(self, jobs: list[_Job]) -> bool:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job.result = job.apply(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # whatever it is, the senders must hear that nothing was kept
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._rolled_back()
            for job in jobs:
                job.error = error
            return False
        for job in jobs:
            job.error = None
        return True

    def _clear(self, job: _Job) -> int:
        """Remove what failed, or what is delivered; the bytes of the latter."""
        if job.error is not None:
            if job.file is not None:
                job.file.temporary.unlink(missing_ok=True)
                job.file.final.unlink(missing_ok=True)
            if job.future is None:
                log.error("the ledger could not be written: %s", job.error)
            return 0
        if not job.removes or job.result is None:
            return 0
        path = self._objects / str(job.result)
        try:
            size = path.stat().st_size
            path.unlink()
        except OSError as error:
            log.warning("a delivered object could not be deleted: %s", error)
            return 0
        return size


def _settle_file(job: _Job, file: NewFile) -> None:
    try:
        try:
            os.rename(file.temporary, file.final)  # noqa: PTH104 - no objects made on the way
            os.fdatasync(file.descriptor)
        finally:
            os.close(file.descriptor)
    except OSError as error:
        job.error = error


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future is None or job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
