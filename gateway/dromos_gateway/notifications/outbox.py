# SPDX-License-Identifier: Apache-2.0
"""What is to be told and has not been told yet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import make_msgid
from random import Random

from dromos_gateway.notifications.content import Report, from_json, to_json

_FIRST, _LAST = 5.0, 900.0  # seconds between attempts
MAX_AGE = 7 * 24 * 3600.0  # then it is no news any more


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message on its way."""

    id: int
    way: str  # mail | webhook
    destination: str
    message_id: str  # the same at every attempt, so that a mailbox shows it once
    created_at: float
    due: float
    attempts: int
    content: str = field(repr=False)

    @property
    def report(self) -> Report:
        """What is told. Read when it is sent, so that one that cannot be read keeps no other from being sent."""
        return from_json(json.loads(self.content))

    def later(self, now: float, random: Random) -> Parcel:
        """The same after a failed attempt."""
        longest = min(_LAST, _FIRST * 2**self.attempts)
        return replace(self, attempts=self.attempts + 1, due=now + random.uniform(longest / 2, longest))


def add(connection: sqlite3.Connection, way: str, report: Report, domain: str, now: float) -> None:
    """Put a report in."""
    connection.execute(
        "INSERT INTO outbox (way, destination, message_id, created_at, due, content) VALUES (?, ?, ?, ?, ?, ?)",
        (way, report.destination, make_msgid("dromos", domain), now, now, json.dumps(to_json(report))),
    )


def due(connection: sqlite3.Connection, now: float, limit: int = 50) -> list[Parcel]:
    """What shall be tried now, the oldest first."""
    rows = connection.execute(
        "SELECT id, way, destination, message_id, created_at, due, attempts, content FROM outbox "
        "WHERE due <= ? ORDER BY due LIMIT ?",
        (now, limit),
    )
    return [Parcel(*row) for row in rows]


def done(connection: sqlite3.Connection, parcel: Parcel) -> None:
    """It was told, or nobody wants to know any more."""
    connection.execute("DELETE FROM outbox WHERE id = ?", (parcel.id,))


def postpone(connection: sqlite3.Connection, parcel: Parcel) -> None:
    """Try again later."""
    connection.execute("UPDATE outbox SET attempts = ?, due = ? WHERE id = ?", (parcel.attempts, parcel.due, parcel.id))


def waiting(connection: sqlite3.Connection) -> Mapping[str, int]:
    """How many wait, by way."""
    return dict(connection.execute("SELECT way, count(*) FROM outbox GROUP BY way").fetchall())
