# SPDX-License-Identifier: Apache-2.0
"""Numbers of instances: each is larger than all before it, also after a restart, though delivered ones leave no row."""

from __future__ import annotations

import sqlite3
import threading

_BLOCK = 10_000  # reserved at once, so that most instances cost the ledger nothing for it


class Numbers:
    """Hands out numbers in the committer's transactions, and to the loop those whose reservation is durable."""

    def __init__(self, connection: sqlite3.Connection, mark: int) -> None:
        (reserved,) = connection.execute("SELECT max(reserved) FROM numbers").fetchone()
        (highest,) = connection.execute("SELECT max(id) FROM instances").fetchone()
        self._next = max(reserved or 0, highest or 0, mark) + 1
        self._reserved = self._lasting = self._next - 1
        self._lock = threading.Lock()

    def take(self, connection: sqlite3.Connection) -> int:
        """The next number, inside a transaction."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            if number > self._reserved:
                self._reserve(connection, number)
            return number

    def take_reserved(self) -> int | None:
        """The next number, without a transaction; None when one has to reserve some first."""
        with self._lock:
            if self._next > self._lasting:
                return None
            number, self._next = self._next, self._next + 1
            return number

    def provide(self, connection: sqlite3.Connection) -> None:
        """Reserve some more in good time, inside a transaction."""
        with self._lock:
            if self._reserved - self._next < _BLOCK // 2:
                self._reserve(connection, self._next)

    def committed(self) -> None:
        """What was reserved lasts."""
        self._lasting = self._reserved

    def rolled_back(self) -> None:
        """It does not."""
        with self._lock:
            self._reserved = self._lasting

    def _reserve(self, connection: sqlite3.Connection, number: int) -> None:
        connection.execute("DELETE FROM numbers")
        connection.execute("INSERT INTO numbers VALUES (?)", (number + _BLOCK,))
        self._reserved = number + _BLOCK
