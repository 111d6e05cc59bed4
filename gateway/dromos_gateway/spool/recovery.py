# SPDX-License-Identifier: Apache-2.0
"""What a crash leaves: partial files, files without a row, rows without a file."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from dromos_gateway.spool import ledger, slots

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


def _sweep(paths: Iterable[Path]) -> int:
    number = 0
    for path in paths:
        path.unlink(missing_ok=True)
        number += 1
    return number
