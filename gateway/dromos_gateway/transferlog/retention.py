# SPDX-License-Identifier: Apache-2.0
"""What grows old in the log goes, a little at a time, so that no commit takes long.

Each ForwardNode bounds the rows of its own Destinations: another one, which keeps less, costs it none.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.transferlog.questions import VERDICTS, Place

STEP = 2000  # rows that one transaction removes
_ROW = 640  # bytes of a row and its share of the indexes, measured
_SHARE = 4  # the log takes a quarter of the spool at most


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept of some destinations' rows."""

    max_age: float
    max_rows: int
    destinations: frozenset[str] | None = None  # None: those of which no other bounds speak


def bounds(configuration: Configuration) -> list[Bounds]:
    """Of each ForwardNode, and of Destinations that are there no more: those go by the closest bounds that there are.

    Without any ForwardNode nobody has said that something shall go.
    """
    each = [
        Bounds(
            node.transfer_log.max_age,
            most_rows(node.transfer_log.max_rows, node.spool_size),
            frozenset(settings.key for settings in configuration.of_node(node.key)),
        )
        for node in configuration.nodes.values()
    ]
    if not each:
        return []
    closest = Bounds(min(one.max_age for one in each), min(one.max_rows for one in each))
    return [closest] if len(each) == 1 else [*each, closest]


def most_rows(max_rows: int, spool_size: int) -> int:
    """How many rows fit: what was asked for, or as many as a quarter of the spool holds."""
    return max(1000, min(max_rows, spool_size // _SHARE // _ROW))


def remove(connection: sqlite3.Connection, now: float, wanted: Collection[Bounds]) -> int:
    """Remove rows that are too old and those too many, `STEP` at most; how many there were."""
    numbers = dict(connection.execute("SELECT key, id FROM log_destinations").fetchall())
    named = {key for each in wanted for key in each.destinations or ()}
    (total,) = connection.execute("SELECT coalesce(sum(number), 0) FROM log_counts").fetchone()  # not row by row
    removed = 0
    for each in wanted:
        keys = numbers.keys() - named if each.destinations is None else numbers.keys() & each.destinations
        theirs = [numbers[key] for key in keys]
        going = list(islice(_too_old(connection, theirs, now - each.max_age), STEP - removed))
        if not going and total > each.max_rows:
            number = total if len(wanted) == 1 else _count(connection, theirs)
            going = list(islice(_oldest(connection, theirs), min(STEP - removed, max(0, number - each.max_rows))))
        removed += _delete(connection, going)
    return removed


def _too_old(connection: sqlite3.Connection, destinations: Iterable[int], before: float) -> Iterator[Place]:
    return takewhile(lambda place: place[0] < before, _oldest(connection, destinations))


def _oldest(connection: sqlite3.Connection, destinations: Iterable[int]) -> Iterator[Place]:
    """Places of rows, the oldest first: an index has those of one verdict in this order. They are read one by one."""
    ask: Callable[..., Iterator[Place]] = connection.execute
    statement = "SELECT at, id FROM log_transfers WHERE destination = ? AND verdict = ? ORDER BY at, id"
    return heapq.merge(*[ask(statement, (number, verdict)) for number in destinations for verdict in VERDICTS])


def _count(connection: sqlite3.Connection, destinations: Iterable[int]) -> int:
    one = "SELECT count(*) FROM log_transfers WHERE destination = ?"
    return sum(connection.execute(one, (number,)).fetchone()[0] for number in destinations)


def _delete(connection: sqlite3.Connection, places: Collection[Place]) -> int:
    going = json.dumps([number for _, number in places])
    deleted = "DELETE FROM log_transfers WHERE id IN (SELECT value FROM json_each(?))"
    return connection.execute(deleted, (going,)).rowcount if places else 0


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
