# SPDX-License-Identifier: Apache-2.0
"""What grows old in the log goes, a little at a time, so that no commit takes long."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

STEP = 2000  # rows that one transaction removes
_ROW = 640  # bytes of a row and its share of the indexes, measured
_SHARE = 4  # the log takes a quarter of the spool at most


def most_rows(max_rows: int, spool_size: int) -> int:
    """How many rows fit: what was asked for, or as many as a quarter of the spool holds."""
    return max(1000, min(max_rows, spool_size // _SHARE // _ROW))


def remove(connection: sqlite3.Connection, before: float, most: int) -> int:
    """Remove rows from before a time and those too many, `STEP` at most; how many there were."""
    old = connection.execute(
        "DELETE FROM log_transfers WHERE id IN (SELECT id FROM log_transfers WHERE at < ? ORDER BY at LIMIT ?)",
        (before, STEP),
    ).rowcount
    if old:
        return old
    (number,) = connection.execute("SELECT coalesce(sum(number), 0) FROM log_counts").fetchone()  # not row by row
    if number <= most:
        return 0
    return connection.execute(
        "DELETE FROM log_transfers WHERE id IN (SELECT id FROM log_transfers ORDER BY at LIMIT ?)",
        (min(STEP, number - most),),
    ).rowcount


def tidy(connection: sqlite3.Connection, spoken_of: Iterable[int] = ()) -> None:
    """Forget series and routes that no row, no waiting instance and nobody else speaks of any more.

    The next ones get their numbers. So of what somebody else remembers by its number nothing may go.
    """
    connection.execute("DELETE FROM log_instances WHERE instance NOT IN (SELECT id FROM instances)")
    connection.execute(
        "DELETE FROM log_routes WHERE NOT EXISTS (SELECT 1 FROM log_transfers t WHERE t.route = log_routes.id) "
        "AND NOT EXISTS (SELECT 1 FROM log_instances i WHERE i.series = log_routes.series) "
        "AND id NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(list(spoken_of)),),
    )
    connection.execute(
        "DELETE FROM log_series WHERE NOT EXISTS (SELECT 1 FROM log_routes r WHERE r.series = log_series.id) "
        "AND NOT EXISTS (SELECT 1 FROM log_instances i WHERE i.series = log_series.id)"
    )
