# SPDX-License-Identifier: Apache-2.0
"""Pages of the log without reading more of it than a page.

No index has every combination of filters in the order of time. But one of them has each *stream*: the rows of a
destination, or of a series at one, with one verdict. The streams that a question is about are merged, a few rows of
each at a time, so that what is read is as long as the page and not as long as the log.
"""

from __future__ import annotations

import heapq
import math
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dromos_gateway.transferlog.questions import Place

LOWEST, HIGHEST = -(2**63), 2**63 - 1  # numbers; those of what never got a row of the ledger are below zero
_FIRST, _MORE = 16, 256  # rows of a stream that are read at a time


class Stream(NamedTuple):
    """Rows that an index has in the order of time. A question may be about thousands."""

    where: str  # what is the same in all of them
    values: tuple[object, ...] = ()
    newest: float = math.inf  # none is newer
    oldest: float = -math.inf  # none is older


def newest(
    connection: sqlite3.Connection, streams: Iterable[Stream], since: float, before: Place, limit: int
) -> list[Place]:
    """The places of the newest rows of all streams, not older than a time and older than a place."""
    waiting: list[tuple[float, int, int, Stream, Iterator[Place] | None]] = []
    for index, stream in enumerate(streams):
        at, number = min((stream.newest, HIGHEST), before)
        if at >= since and stream.oldest <= before[0]:
            waiting.append((-at, -number, index, stream, None))
    heapq.heapify(waiting)
    found: list[Place] = []
    while waiting and len(found) < limit:
        at, number, index, stream, rest = waiting[0]
        if rest is None:  # its turn has come, as far as is known: so only now it is read
            rest = _rows(connection, stream, since, before, limit)
        else:
            found.append((-at, -number))
        following = next(rest, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (-following[0], -following[1], index, stream, rest))
    return found


def _rows(connection: sqlite3.Connection, stream: Stream, since: float, before: Place, limit: int) -> Iterator[Place]:
    """A stream's places, read as they are asked for."""
    size = min(_FIRST, limit)
    while True:
        there_may_be = before[1] > LOWEST and stream.newest >= before[0]
        places = _same_time(connection, stream, before, size) if there_may_be else []
        if len(places) < size:
            places += _older(connection, stream, since, before[0], size - len(places))
        yield from places
        if len(places) < size:
            return
        before, size = places[-1], _MORE


def _same_time(connection: sqlite3.Connection, stream: Stream, before: Place, limit: int) -> list[Place]:
    """Many rows may have one time: dead letters that were discarded together, say."""
    return connection.execute(
        f"SELECT at, id FROM log_transfers WHERE {stream.where} AND at = ? AND id < ? ORDER BY id DESC LIMIT ?",  # noqa: S608
        (*stream.values, *before, limit),
    ).fetchall()


def _older(connection: sqlite3.Connection, stream: Stream, since: float, at: float, limit: int) -> list[Place]:
    return connection.execute(
        f"SELECT at, id FROM log_transfers WHERE {stream.where} AND at < ? AND at >= ? "  # noqa: S608
        "ORDER BY at DESC, id DESC LIMIT ?",
        (*stream.values, at, since, limit),
    ).fetchall()
