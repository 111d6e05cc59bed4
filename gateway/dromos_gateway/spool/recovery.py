# SPDX-License-Identifier: Apache-2.0
"""What a crash leaves: partial files, files without a row, rows without a file."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dromos_gateway.spool import ledger, slots
from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.journal import Record
from dromos_gateway.spool.promises import move_mark, read_facts
from dromos_gateway.spool.recording import FRONT, Recorder
from dromos_gateway.spool.records import Ending, Instance, State
from dromos_gateway.spool.settling import Settling, write_synced

log = logging.getLogger(__name__)

MISSING = "SpoolFileMissing"
DAMAGED = "SpoolFileDamaged"


def recover(
    connection: sqlite3.Connection,
    folder: Path,
    now: float,
    recorder: Recorder | None,
    records: Sequence[Record] = (),
) -> int:
    """Sweep what no Success was given for, report what is missing; the bytes that the spool holds.

    A file without a row or one of these records was never acknowledged, or every destination has it. A row without its
    whole file cannot be delivered: it becomes a dead letter, so that somebody sees it.
    """
    promised = {read_facts(record)[0].file for record in records if record.lies_in_a_file}
    partial = _sweep(Path(entry.path) for entry in os.scandir(folder / "incoming"))
    rows = ledger.files(connection)
    sizes = {
        f"{part}/{entry.name}": entry.stat().st_size
        for part in ("objects", slots.FOLDER)
        for entry in os.scandir(folder / part)
    }
    unknown = sizes.keys() - rows.keys() - promised
    blank = [name for name in unknown if name.startswith(slots.FOLDER)]
    _sweep(folder / name for name in blank)
    orphans = _sweep(folder / name for name in unknown - set(blank))
    for name, (_, size) in rows.items():  # what is behind an object in its slot
        if name.startswith(slots.FOLDER) and sizes.get(name, 0) > size:
            os.truncate(folder / name, size)
            sizes[name] = size
    missing = [key for name, (key, _) in rows.items() if name not in sizes]
    damaged = [key for name, (key, size) in rows.items() if name in sizes and sizes[name] != size]
    connection.execute("BEGIN IMMEDIATE")
    _bury_all(connection, missing, damaged, now, recorder)
    connection.execute("COMMIT")
    if partial or orphans:
        log.info("files without a row were swept", extra={"partial": partial, "complete": orphans})
    return sum(size for _, size in rows.values())  # also of what is gone: as much is given back when its row goes


def redeem(
    connection: sqlite3.Connection, folder: Path, records: Sequence[Record], settling: Settling, now: float
) -> int:
    """Give files and rows to instances that only the journal has; their bytes. OSError or sqlite3.Error.

    To be called when the files without a row are swept: one that is broken off leaves some.
    """
    if not records:
        return 0
    missing: list[int] = []
    damaged: list[int] = []
    found = [(_with_a_file(folder, record, missing, damaged), read_facts(record)[1]) for record in records]
    sync_folder(folder / "objects")
    connection.execute("BEGIN IMMEDIATE")
    for (instance, plan), record in zip(found, records, strict=True):
        settling.add(connection, instance, _front(folder, instance, record), plan)
    if settling.recorder is not None:
        settling.recorder.flush(connection)
    _bury_all(connection, missing, damaged, now, settling.recorder)
    move_mark(connection, records[-1].number)
    connection.execute("COMMIT")
    log.info("instances were in the journal only", extra={"count": len(records)})
    return sum(instance.size for instance, _ in found)


def _with_a_file(folder: Path, record: Record, missing: list[int], damaged: list[int]) -> Instance:
    """A record's instance with its file, which is made where the record has the object. OSError."""
    instance, _ = read_facts(record)
    if not record.lies_in_a_file:
        instance = replace(instance, file=f"objects/{secrets.token_hex(16)}.dcm")
        write_synced(folder / instance.file, record.content, folder / "incoming")
        return instance
    try:
        size = (folder / instance.file).stat().st_size
    except FileNotFoundError:
        missing.append(instance.id)
        return instance
    if size < instance.size:
        damaged.append(instance.id)
    elif size > instance.size:  # what is behind it in its slot
        os.truncate(folder / instance.file, instance.size)
    return instance


def _front(folder: Path, instance: Instance, record: Record) -> bytes:
    """The beginning of its data set, for the log."""
    start = instance.data_set_offset
    if not record.lies_in_a_file:
        return record.content[start : start + FRONT]
    try:
        with (folder / instance.file).open("rb") as file:
            file.seek(start)
            return file.read(FRONT)
    except OSError:
        return b""


def _bury_all(
    connection: sqlite3.Connection,
    missing: Sequence[int],
    damaged: Sequence[int],
    now: float,
    recorder: Recorder | None,
) -> None:
    """Make dead letters of instances whose files are gone, or are not what they were."""
    gone = Ending(State.Failed, MISSING, "its file is gone from the spool", now)
    broken = Ending(State.Failed, DAMAGED, "its file has another size than it had", now)
    for ending, keys in ((gone, missing), (broken, damaged)):
        _bury(connection, keys, ending, recorder)
    if missing or damaged:
        counts = {"missing": len(missing), "damaged": len(damaged)}
        log.error("objects are gone from the spool or damaged; they are dead letters", extra=counts)


def _bury(connection: sqlite3.Connection, keys: Sequence[int], ending: Ending, recorder: Recorder | None) -> None:
    """Make dead letters of whatever waits of instances; the log tells of it as of any other."""
    if recorder is not None:
        for key in keys:
            for delivery in ledger.waiting_of(connection, key):
                recorder.settled(connection, delivery, ending)
        recorder.flush(connection)
    ledger.bury_instances(connection, keys, reason=ending.reason, message=ending.message, at=ending.at)


def _sweep(paths: Iterable[Path]) -> int:
    number = 0
    for path in paths:
        path.unlink(missing_ok=True)
        number += 1
    return number
