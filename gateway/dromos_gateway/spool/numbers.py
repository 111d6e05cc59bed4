# SPDX-License-Identifier: Apache-2.0
"""Numbers of instances: each is larger than all before it, also after a restart, though delivered ones leave no row."""

from __future__ import annotations

import sqlite3

_BLOCK = 10_000  # reserved at once, so that most instances cost the ledger nothing for it


class Numbers:
    """Hands out numbers inside the committer's transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        (reserved,) = connection.execute("SELECT max(reserved) FROM numbers").fetchone()
        (highest,) = connection.execute("SELECT max(id) FROM instances").fetchone()
        self._next = max(reserved or 0, highest or 0) + 1
        self._reserved = self._next - 1

    def take(self, connection: sqlite3.Connection) -> int:
        """The next number."""
        number, self._next = self._next, self._next + 1
        if number > self._reserved:
            connection.execute("DELETE FROM numbers")
            connection.execute("INSERT INTO numbers VALUES (?)", (number + _BLOCK,))
            self._reserved = number + _BLOCK
        return number
