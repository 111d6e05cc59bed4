# SPDX-License-Identifier: Apache-2.0
"""What is to be told and has not been told yet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import make_msgid
from random import Random

from dromos_gateway.notifications.content import Report, from_json, to_json

_FIRST, _LAST = 5.0, 900.0  # seconds between attempts
_MOST = 20  # of a lane at a time
MAX_AGE = 7 * 24 * 3600.0  # seconds; then it is no news any more
# what is refused for good is tried for a day all the same: more often than all recipients, it is a relay's or webhook's
# configuration that is wrong, and somebody mends it
REFUSED_AGE = 24 * 3600.0


Lane = tuple[str, str]  # way and destination


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
    recipients: Sequence[str] | None = field(
        default=None, repr=False
    )  # of a mail, those that have not got it; None: all

    @property
    def report(self) -> Report:
        """What is told. Read when it is sent, so that one that cannot be read keeps no other from being sent."""
        return from_json(json.loads(self.content))

    def later(self, now: float, random: Random, recipients: Sequence[str] | None = None) -> Parcel:
        """The same after a failed attempt, for those recipients that have not got it."""
        longest = min(_LAST, _FIRST * 2**self.attempts)
        due = now + random.uniform(longest / 2, longest)
        return replace(self, attempts=self.attempts + 1, due=due, recipients=recipients)


def add(connection: sqlite3.Connection, way: str, report: Report, domain: str, now: float) -> None:
    """Put a report in."""
    connection.execute(
        "INSERT INTO outbox (way, destination, message_id, created_at, due, content) VALUES (?, ?, ?, ?, ?, ?)",
        (way, report.destination, make_msgid("dromos", domain), now, now, json.dumps(to_json(report))),
    )


def due(connection: sqlite3.Connection, now: float, busy: Collection[Lane] = ()) -> dict[Lane, list[Parcel]]:
    """What shall be tried now in lanes that are free, the oldest first. However much waits in one, all get a look."""
    lanes = connection.execute("SELECT DISTINCT way, destination FROM outbox").fetchall()
    found = {lane: _due(connection, lane, now) for lane in lanes if lane not in busy}
    return {lane: parcels for lane, parcels in found.items() if parcels}


def _due(connection: sqlite3.Connection, lane: Lane, now: float) -> list[Parcel]:
    rows = connection.execute(
        "SELECT id, way, destination, message_id, created_at, due, attempts, content, recipients FROM outbox "
        "WHERE way = ? AND destination = ? AND due <= ? ORDER BY due LIMIT ?",
        (*lane, now, _MOST),
    )
    return [replace(Parcel(*row[:8]), recipients=None if row[8] is None else json.loads(row[8])) for row in rows]


def done(connection: sqlite3.Connection, parcel: Parcel) -> None:
    """It was told, or nobody wants to know any more."""
    connection.execute("DELETE FROM outbox WHERE id = ?", (parcel.id,))


def postpone(connection: sqlite3.Connection, parcel: Parcel) -> None:
    """Try again later."""
    left = None if parcel.recipients is None else json.dumps(list(parcel.recipients))
    connection.execute(
        "UPDATE outbox SET attempts = ?, due = ?, recipients = ? WHERE id = ?",
        (parcel.attempts, parcel.due, left, parcel.id),
    )


def waiting(connection: sqlite3.Connection) -> Mapping[str, int]:
    """How many wait, by way."""
    return dict(connection.execute("SELECT way, count(*) FROM outbox GROUP BY way").fetchall())
