# SPDX-License-Identifier: Apache-2.0
"""What a crash leaves: partial files, files without a row, rows without a file."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dromos_gateway.spool import ledger, slots
from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.journal import Record
from dromos_gateway.spool.promises import move_mark, read_facts
from dromos_gateway.spool.recording import FRONT, Arrival
from dromos_gateway.spool.settling import write_synced

log = logging.getLogger(__name__)

MISSING = "SpoolFileMissing"
DAMAGED = "SpoolFileDamaged"


def recover(connection: sqlite3.Connection, folder: Path, now: float) -> int:
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
    connection.execute("BEGIN IMMEDIATE")
    ledger.bury_instances(connection, missing, reason=MISSING, message="its file is gone from the spool", at=now)
    ledger.bury_instances(connection, damaged, reason=DAMAGED, message="its file has another size than it had", at=now)
    connection.execute("COMMIT")
    if partial or orphans:
        log.info("files without a row were swept", extra={"partial": partial, "complete": orphans})
    if missing or damaged:
        counts = {"missing": len(missing), "damaged": len(damaged)}
        log.error("objects are gone from the spool or damaged; they are dead letters", extra=counts)
    return sum(sizes[name] for name in rows if name in sizes)


def redeem(connection: sqlite3.Connection, folder: Path, records: Iterable[Record]) -> list[Arrival]:
    """Give files and rows to instances that only the journal has; what came in. OSError or sqlite3.Error.

    To be called when the files without a row are swept: one that is broken off leaves some.
    """
    arrivals: list[Arrival] = []
    for record in records:
        instance, plan = read_facts(record)
        name = f"objects/{secrets.token_hex(16)}.dcm"
        write_synced(folder / name, record.content, folder / "incoming")
        start = instance.data_set_offset
        arrivals.append(Arrival(replace(instance, file=name), record.content[start : start + FRONT], plan))
    if arrivals:
        sync_folder(folder / "objects")
        connection.execute("BEGIN IMMEDIATE")
        for arrival in arrivals:
            ledger.add(connection, arrival.instance, arrival.plan)
        move_mark(connection, arrivals[-1].instance.id)
        connection.execute("COMMIT")
        log.info("instances were in the journal only", extra={"count": len(arrivals)})
    return arrivals


def _sweep(paths: Iterable[Path]) -> int:
    number = 0
    for path in paths:
        path.unlink(missing_ok=True)
        number += 1
    return number
