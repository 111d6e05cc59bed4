# SPDX-License-Identifier: Apache-2.0
"""What a transaction of the ledger says of instances that came in, and of what became of them."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from dromos_gateway.spool import ledger
from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.ledger import Released, Settlement
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.promises import Promise
from dromos_gateway.spool.recording import Front, Recorder
from dromos_gateway.spool.records import Delivery, Instance, Planned, State

Endings = Sequence[Settlement]


def ripe(promises: Sequence[Promise], endings: Endings, before: float) -> int:
    """How many of the oldest promises are over with these endings, or were given `before`: up to the first that is not.

    To one that is over soon, rows and the sync of its slot would be given for nothing.
    """
    over = _over(endings)
    for index, promise in enumerate(promises):
        if promise.since > before and not promise.is_over(over):
            return index
    return len(promises)


def parted(endings: Endings, waiting: Sequence[Promise]) -> tuple[list[Settlement], list[Settlement]]:
    """The endings that the ledger can hear of, and those of instances that it doesn't know yet, each in their order."""
    if not waiting:
        return list(endings), []
    unknown = {promise.instance.id for promise in waiting}
    heard: list[Settlement] = []
    kept: list[Settlement] = []
    for each in endings:
        (kept if each.delivery.instance.id in unknown else heard).append(each)
    return heard, kept


def _over(endings: Endings) -> set[int]:
    """Deliveries that need no row any longer."""
    return {each.delivery.id for each in endings if each.ending.state is not State.Failed}


class Settling:
    """Runs in the committer's rounds."""

    def __init__(self, folder: Path, numbers: Numbers) -> None:
        self._folder = folder
        self._numbers = numbers
        self._moved: list[tuple[str, int]] = []
        self._doubtful: set[int] = set()  # instances whose slot could not be synced: a later sync would say nothing
        self.recorder: Recorder | None = None

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Have numbers at hand before the first instance comes. sqlite3.Error."""
        connection.execute("BEGIN IMMEDIATE")
        self._numbers.provide(connection)
        connection.execute("COMMIT")
        self._numbers.committed()

    def begin(self, connection: sqlite3.Connection, promises: Sequence[Promise], endings: Endings) -> frozenset[int]:
        """Give rows, and durable files, to what is still under way; the numbers of instances that need neither.

        Those are over with these very endings, so that the ledger need not know them to forget them. OSError.
        """
        if not promises:
            return frozenset()
        over = _over(endings)
        passed: set[int] = set()
        for promise in promises:
            if promise.is_over(over):
                passed.add(promise.instance.id)
                self.pass_by(connection, promise.instance, promise.front, promise.plan)
            else:
                self._make_durable(promise)
                self.add(connection, promise.instance, promise.front, promise.plan)
        return frozenset(passed)

    def add(
        self, connection: sqlite3.Connection, instance: Instance, front: Front, plan: Sequence[Planned]
    ) -> tuple[Delivery, ...]:
        """Give an instance its rows; the log hears of it in the same transaction, or it would miss what is excluded."""
        waiting = ledger.add(connection, instance, plan)
        if self.recorder is not None:
            self.recorder.arrived(connection, instance, front, plan)
        return waiting

    def pass_by(
        self, connection: sqlite3.Connection, instance: Instance, front: Front, plan: Sequence[Planned]
    ) -> None:
        """The same of one that needs no rows: all that is left to do for it is done with this transaction."""
        excluded = [item for item in plan if item.state is not State.Waiting]
        if excluded:
            ledger.count_excluded(connection, excluded)
        if self.recorder is not None:
            self.recorder.arrived(connection, instance, front, plan, stays=False)

    def end(self, connection: sqlite3.Connection, endings: Endings, passed: frozenset[int]) -> list[Released]:
        """Write down what became of instances, in the order in which it happened."""
        if (recorder := self.recorder) is not None:
            for each in endings:
                recorder.settled(connection, each.delivery, each.ending)
            recorder.flush(connection)
        self._numbers.provide(connection)
        return ledger.settle(connection, endings, passed)

    def committed(self) -> None:
        """All of a transaction lasts."""
        self._numbers.committed()

    def rolled_back(self) -> None:
        """Nothing of it does."""
        self._numbers.rolled_back()
        if self.recorder is not None:
            self.recorder.rolled_back()

    def take_moved(self) -> list[tuple[str, int]]:
        """Files, and their sizes, that are no longer the slots they were."""
        moved, self._moved = self._moved, []
        return moved

    def _make_durable(self, promise: Promise) -> None:
        """Sync an object's slot, or give the object another file by the same name where that fails. OSError."""
        if promise.content is None:  # it was, before its record
            return
        instance = promise.instance
        path = self._folder / instance.file
        if instance.id not in self._doubtful:
            try:
                _sync(path)
            except OSError:
                self._doubtful.add(instance.id)
            else:
                return
        self._moved.append((instance.file, instance.size))
        write_synced(path, promise.content, self._folder / "incoming")
        sync_folder(path.parent)


def write_synced(path: Path, content: bytes | bytearray, incoming: Path) -> None:
    """Make a file whose bytes last; its name does when its folder is synced. One by that name is replaced. OSError."""
    temporary = incoming / secrets.token_hex(16)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        written = 0
        while written < len(content):
            written += os.pwrite(descriptor, memoryview(content)[written:], written)
        os.fdatasync(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
