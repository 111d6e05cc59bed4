# SPDX-License-Identifier: Apache-2.0
"""What is on the disk of a gateway that does not run: files and rows belong together."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path


def rows(spool: Path) -> dict[str, int]:
    """Of every instance in the ledger the file and its size. Read from a copy: looking changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (spool / "ledger.sqlite", spool / "ledger.sqlite-wal"):
            if path.exists():
                shutil.copy(path, folder)
        connection = sqlite3.connect(Path(folder) / "ledger.sqlite")
        try:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'instances'").fetchone():
                return {}  # it died before it had made its tables
            return dict(connection.execute("SELECT file, size FROM instances"))
        finally:
            connection.close()


def files(spool: Path) -> dict[str, int]:
    """Every object, and every piece of one, with its size. In a slot, zeros follow the object."""
    found = {}
    for folder in ("objects", "incoming", "slots"):
        if (spool / folder).exists():
            found |= {f"{folder}/{path.name}": path.stat().st_size for path in (spool / folder).iterdir()}
    return found


def every_row_has_its_file(spool: Path) -> None:
    """What must hold after any kill."""
    have = files(spool)
    lost = {name: size for name, size in rows(spool).items() if not _holds(have.get(name, 0), size, name)}
    assert lost == {}, f"rows without their file, or with half of it: {lost}"


def files_and_rows_agree(spool: Path) -> None:
    """What must hold after an orderly end."""
    assert files(spool).keys() == rows(spool).keys()
    every_row_has_its_file(spool)


def _holds(have: int, size: int, name: str) -> bool:
    return have >= size if name.startswith("slots/") else have == size
