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
from dromos_gateway.spool.records import Ending, State
from dromos_gateway.spool.settling import Settling, write_synced

log = logging.getLogger(__name__)

MISSING = "SpoolFileMissing"
DAMAGED = "SpoolFileDamaged"


def recover(connection: sqlite3.Connection, folder: Path, now: float, recorder: Recorder | None) -> int:
    """Sweep what no Success was given for, report what is missing; the bytes that the spool holds.

    A file without a row was never acknowledged, or every destination has it. A row without its whole file cannot be
    delivered: it becomes a dead letter, so that somebody sees it.
    """
    partial = _sweep(Path(entry.path) for entry in os.scandir(folder / "incoming"))
    rows = ledger.files(connection)
    sizes = {
        f"{part}/{entry.name}": entry.stat().st_size
        for part in ("objects", slots.FOLDER)
        for entry in os.scandir(folder / part)
    }
    blank = [name for name in sizes.keys() - rows.keys() if name.startswith(slots.FOLDER)]
    _sweep(folder / name for name in blank)
    orphans = _sweep(folder / name for name in sizes.keys() - rows.keys() - set(blank))
    for name, (_, size) in rows.items():  # what is behind an object in its slot
        if name.startswith(slots.FOLDER) and sizes.get(name, 0) > size:
            os.truncate(folder / name, size)
            sizes[name] = size
    missing = [key for name, (key, _) in rows.items() if name not in sizes]
    damaged = [key for name, (key, size) in rows.items() if name in sizes and sizes[name] != size]
    gone = Ending(State.Failed, MISSING, "its file is gone from the spool", now)
    broken = Ending(State.Failed, DAMAGED, "its file has another size than it had", now)
    connection.execute("BEGIN IMMEDIATE")
    for ending, keys in ((gone, missing), (broken, damaged)):
        _bury(connection, keys, ending, recorder)
    connection.execute("COMMIT")
    if partial or orphans:
        log.info("files without a row were swept", extra={"partial": partial, "complete": orphans})
    if missing or damaged:
        counts = {"missing": len(missing), "damaged": len(damaged)}
        log.error("objects are gone from the spool or damaged; they are dead letters", extra=counts)
    return sum(size for _, size in rows.values())  # also of what is gone: as much is given back when its row goes


def redeem(connection: sqlite3.Connection, folder: Path, records: Sequence[Record], settling: Settling) -> int:
    """Give files and rows to instances that only the journal has; their bytes. OSError or sqlite3.Error.

    To be called when the files without a row are swept: one that is broken off leaves some.
    """
    if not records:
        return 0
    found = [read_facts(record) for record in records]
    names = [f"objects/{secrets.token_hex(16)}.dcm" for _ in records]
    for name, record in zip(names, records, strict=True):
        write_synced(folder / name, record.content, folder / "incoming")
    sync_folder(folder / "objects")
    connection.execute("BEGIN IMMEDIATE")
    for (instance, plan), name, record in zip(found, names, records, strict=True):
        start = instance.data_set_offset
        settling.add(connection, replace(instance, file=name), record.content[start : start + FRONT], plan)
    if settling.recorder is not None:
        settling.recorder.flush(connection)
    move_mark(connection, records[-1].number)
    connection.execute("COMMIT")
    log.info("instances were in the journal only", extra={"count": len(records)})
    return sum(instance.size for instance, _ in found)


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
