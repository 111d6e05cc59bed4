# SPDX-License-Identifier: Apache-2.0
"""Statements on the table of shares: series that were delivered to a destination and shall go into a Kheops album.

A share is recorded in the transaction that settles the first delivery of its series, so that no crash comes in between.
One that is done stays for a while, so that the series' other instances do not share it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from dromos_gateway.spool.records import FailedShare, PlannedShare, Share

TABLE = """
CREATE TABLE IF NOT EXISTS shares (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination TEXT NOT NULL,
  album TEXT NOT NULL,
  study TEXT NOT NULL,
  series TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('Waiting', 'Shared', 'Failed')),
  message TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  since REAL NOT NULL,
  changed_at REAL NOT NULL,
  UNIQUE (destination, album, study, series)
);
CREATE INDEX IF NOT EXISTS shares_waiting ON shares (due) WHERE state = 'Waiting';
CREATE INDEX IF NOT EXISTS shares_settled ON shares (changed_at) WHERE state <> 'Waiting';
"""
KEEP = 30 * 86400.0  # seconds that a series is known to be in its album
MOST = 200_000  # such series
_ERROR = (
    "INSERT INTO counters (destination, last_error) VALUES (?, ?) "
    "ON CONFLICT (destination) DO UPDATE SET last_error = excluded.last_error"
)


def plan(connection: sqlite3.Connection, destination: str, shares: Iterable[PlannedShare], at: float) -> None:
    """Record new shares; one that failed before is tried again, unless it cannot be told whether it should be."""
    for share in shares:
        state = "Failed" if share.error else "Waiting"
        connection.execute(
            "INSERT INTO shares (destination, album, study, series, state, message, due, since, changed_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (destination, album, study, series) DO UPDATE SET "
            "state = excluded.state, message = excluded.message, attempts = 0, due = excluded.due, "
            "since = excluded.since, changed_at = excluded.changed_at "
            "WHERE state = 'Failed' AND (excluded.state = 'Waiting' OR attempts = 0)",
            (destination, share.album, share.study, share.series, state, share.error, at, at, at),
        )
        if share.error:
            connection.execute(_ERROR, (destination, share.error))


def due(connection: sqlite3.Connection, at: float, limit: int) -> list[Share]:
    """What is to be shared now. What failed least goes first, or one that always fails would stop its album."""
    rows = connection.execute(
        "SELECT id, destination, album, study, series, attempts, since FROM shares "
        "WHERE state = 'Waiting' AND due <= ? ORDER BY due, attempts LIMIT ?",
        (at, limit),
    )
    return [Share(*row) for row in rows]


def next_due(connection: sqlite3.Connection) -> float | None:
    """When the next one is due."""
    (when,) = connection.execute("SELECT min(due) FROM shares WHERE state = 'Waiting'").fetchone()
    return None if when is None else float(when)


def done(connection: sqlite3.Connection, share: Share, at: float) -> None:
    """The series is in the album."""
    connection.execute(
        "UPDATE shares SET state = 'Shared', message = '', attempts = attempts + 1, changed_at = ? WHERE id = ?",
        (at, share.id),
    )


def fail(connection: sqlite3.Connection, share: Share, message: str, at: float) -> None:
    """It is given up, until somebody retries it or the series is delivered again."""
    connection.execute(
        "UPDATE shares SET state = 'Failed', message = ?, attempts = attempts + 1, changed_at = ? WHERE id = ?",
        (message, at, share.id),
    )
    connection.execute(_ERROR, (share.destination, message))


def postpone(connection: sqlite3.Connection, shares: Sequence[Share], due_at: float, message: str, at: float) -> None:
    """Try these later: the first one failed, the others wait for the same album."""
    first = True
    for share in shares:
        connection.execute(
            "UPDATE shares SET due = ?, message = ?, attempts = attempts + ?, changed_at = ? WHERE id = ?",
            (due_at, message, int(first and bool(message)), at, share.id),
        )
        first = False
    if shares and message:
        connection.execute(_ERROR, (shares[0].destination, message))


def failed(connection: sqlite3.Connection, number: int | None = None) -> list[FailedShare]:
    """Shares that were given up, the newest first; all, or the one."""
    rows = connection.execute(
        "SELECT id, destination, message, attempts, changed_at, study, series FROM shares "
        "WHERE state = 'Failed' AND (? IS NULL OR id = ?) ORDER BY changed_at DESC, id DESC",
        (number, number),
    )
    return [FailedShare(*row) for row in rows]


def revive(connection: sqlite3.Connection, number: int, at: float) -> bool:
    """Try one that was given up once more; whether there is such a one.

    One that was never tried stays: the album's condition could not be evaluated, and holds no better by asking again.
    """
    changed = connection.execute(
        "UPDATE shares SET state = 'Waiting', attempts = 0, due = ?, since = ?, changed_at = ? "
        "WHERE id = ? AND state = 'Failed' AND attempts > 0",
        (at, at, at, number),
    )
    return changed.rowcount == 1


def discard(connection: sqlite3.Connection, number: int) -> bool:
    """Forget one that was given up; whether there is such a one."""
    return connection.execute("DELETE FROM shares WHERE id = ? AND state = 'Failed'", (number,)).rowcount == 1


def purge(connection: sqlite3.Connection, at: float) -> None:
    """Forget what was shared long ago, or is too much to remember. What failed stays until somebody has looked."""
    connection.execute("DELETE FROM shares WHERE state = 'Shared' AND changed_at < ?", (at - KEEP,))
    connection.execute(
        "DELETE FROM shares WHERE state = 'Shared' AND id NOT IN "
        "(SELECT id FROM shares WHERE state = 'Shared' ORDER BY changed_at DESC LIMIT ?)",
        (MOST,),
    )


def counts(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Of each destination: how many shares wait, how many failed."""
    rows = connection.execute(
        "SELECT destination, sum(state = 'Waiting'), sum(state = 'Failed') FROM shares "
        "WHERE state <> 'Shared' GROUP BY destination"
    )
    return {destination: (waiting, failed) for destination, waiting, failed in rows}
