# SPDX-License-Identifier: Apache-2.0
"""Questions to the log, over a connection that only reads."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dromos_gateway.spool.ledger import DELIVERIES
from dromos_gateway.transferlog.fitting import fitting
from dromos_gateway.transferlog.identifiers import NAMES
from dromos_gateway.transferlog.questions import (
    MOST,
    MOST_SERIES,
    VERDICTS,
    Answer,
    Question,
    Route,
    SeriesAtDestination,
    Transfer,
)
from dromos_gateway.transferlog.sealing import Seal
from dromos_gateway.transferlog.streams import LOWEST, Stream, newest

Row = tuple[Any, ...]
_MOST_ROUTES = 5_000  # series at a destination that one question for rows may be about
_COLUMNS = (
    "id, at, received_at, size, sop_class_uid, transfer_syntax_uid, sop_instance_uid, verdict, reason, message, "
    "attempts, changes, route, original"
)
_ROUTE_COLUMNS = (
    f"r.id, r.destination, r.profile, r.secret_fingerprint, s.node, s.source, s.original, "
    f"{', '.join(f'r.{name}' for name in NAMES)}"
)
_SERIES_COLUMNS = (
    "r.id, s.id, s.study, s.node, s.source, s.first_at, r.destination, r.profile, s.original, "
    f"{', '.join(f'r.{name}' for name in NAMES)}"
)
_WAITING = (  # the numbers of an instance's deliveries are a range
    "SELECT i.series, d.destination, count(*) FROM log_instances i CROSS JOIN deliveries d "  # noqa: S608
    f"ON d.id >= i.instance * {DELIVERIES} AND d.id < (i.instance + 1) * {DELIVERIES} "
    "WHERE d.state = 'Waiting' AND i.series IN"
)
_OF_ROUTES = "SELECT route, verdict, max(last), sum(number) FROM log_counts WHERE route IN"
_SENT_AS = "sop_instance_uid = ? AND sop_instance_uid <> ''"
_CAME_IN_AS = "original_hash = ? AND original_hash IS NOT NULL AND +sop_instance_uid <> ?"  # and was sent otherwise
_ROUTES = "log_routes r CROSS JOIN log_series s ON s.id = r.series"


class Queries:
    """Asks one connection; not for two threads at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def transfers(self, question: Question, seals: Mapping[str, Seal]) -> Answer[Transfer]:
        """Rows, the newest first."""
        before = (question.until, LOWEST)  # not what happened just then
        if question.before is not None:
            before = min(before, question.before)
        most = min(question.limit, MOST)
        with self._moment():
            streams, complete = self._streams(question, seals)
            places = newest(self._connection, streams, question.since, before, most + 1)
            there_is_more, places = len(places) > most, places[:most]
            numbers = [number for _, number in places]
            rows = {row[0]: row for row in self._of(f"SELECT {_COLUMNS} FROM log_transfers WHERE id IN", numbers)}  # noqa: S608
            routes = self._known({row[12] for row in rows.values()}, seals)
        found = [_transfer(row, routes[row[12]], seals) for row in map(rows.__getitem__, numbers)]
        return Answer(found, complete, places[-1] if there_is_more else None)

    def series(self, question: Question, seals: Mapping[str, Seal]) -> Answer[SeriesAtDestination]:
        """What became of the series that the identifiers name, at every destination."""
        with self._moment():
            return self._series(question, seals)

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """All that is asked is of one moment: numbers that are read first go on meaning what they meant."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _series(self, question: Question, seals: Mapping[str, Seal]) -> Answer[SeriesAtDestination]:
        routes, complete = fitting(self._connection, question, seals, MOST_SERIES)
        series = [number for (number,) in self._of("SELECT DISTINCT series FROM log_routes WHERE id IN", routes)]
        at = "" if not question.destination else "AND destination = ?"
        pairs = self._of(
            "SELECT DISTINCT series, destination FROM log_routes WHERE series IN",
            series,
            f"{at} ORDER BY series DESC, destination DESC LIMIT {MOST_SERIES + 1}",
            *([question.destination] if question.destination else []),
        )
        complete = complete and len(pairs) <= MOST_SERIES
        known: dict[tuple[int, str], list[Row]] = {pair: [] for pair in reversed(pairs[:MOST_SERIES])}
        series = sorted({number for number, _ in known})
        of_series = f"SELECT {_SERIES_COLUMNS} FROM {_ROUTES} WHERE r.series IN"  # noqa: S608
        for row in self._of(of_series, series, "ORDER BY r.id DESC"):
            if (pair := (row[1], row[6])) in known:
                known[pair].append(row)
        counts = self._counts([row[0] for rows in known.values() for row in rows])
        waiting = self._waiting(series)
        return Answer([_series(rows, seals, counts, waiting) for rows in known.values()], complete)

    def _streams(self, question: Question, seals: Mapping[str, Seal]) -> tuple[list[Stream], bool]:
        """Those that have all rows that are asked for, and no other."""
        if question.sop_instance_uid:
            return self._of_instance(question, seals)
        if question.identifiers:
            routes, complete = fitting(self._connection, question, seals, _MOST_ROUTES)
            found = self._of(_OF_ROUTES, routes, "GROUP BY 1, 2")
            return [
                Stream("route = ? AND verdict = ?", (route, verdict), last, last if number == 1 else -math.inf)
                for route, verdict, last, number in found
                if question.verdict in ("", verdict)
            ], complete
        if question.destination or question.verdict:
            return [
                Stream("destination = ? AND verdict = ?", (number, verdict))
                for number, key in self._connection.execute("SELECT id, key FROM log_destinations").fetchall()
                for verdict in VERDICTS
                if question.destination in ("", key) and question.verdict in ("", verdict)
            ], True
        return [Stream("TRUE")], True

    def _of_instance(self, question: Question, seals: Mapping[str, Seal]) -> tuple[list[Stream], bool]:
        """One instance has few rows: they are in one stream, and the other filters are held against each."""
        uid, complete = question.sop_instance_uid, True
        where, values = list[str](), list[object]()
        if question.identifiers:
            routes, complete = fitting(self._connection, question, seals, _MOST_ROUTES)
            if not routes:
                return [], complete
            where.append(f"+route IN ({','.join('?' * len(routes))})")
            values += routes
        if question.destination:
            where.append("+destination = (SELECT id FROM log_destinations WHERE key = ?)")
            values.append(question.destination)
        if question.verdict:
            where.append("+verdict = ?")
            values.append(question.verdict)
        sent, came_in = " AND ".join([_SENT_AS, *where]), " AND ".join([_CAME_IN_AS, *where])
        hashes = {seal.lookup("sop_instance_uid", uid) for seal in seals.values()}  # ForwardNodes may have one key
        return [
            Stream(sent, (uid, *values)),
            *(Stream(came_in, (hashed, uid, *values)) for hashed in sorted(hashes)),
        ], complete

    def _known(self, routes: Iterable[int], seals: Mapping[str, Seal]) -> dict[int, Route]:
        """What rows refer to. What is sealed of a series is opened once for all its rows."""
        rows = self._of(f"SELECT {_ROUTE_COLUMNS} FROM {_ROUTES} WHERE r.id IN", sorted(routes))  # noqa: S608
        return {row[0]: _route(row, seals) for row in rows}

    def _counts(self, routes: Iterable[int]) -> dict[int, list[tuple[str, str, int, int, float]]]:
        """Per route: verdict, reason, number, bytes, last time."""
        result: dict[int, list[tuple[str, str, int, int, float]]] = {}
        for route, *counted in self._of(
            "SELECT route, verdict, reason, number, bytes, last FROM log_counts WHERE route IN", list(routes)
        ):
            result.setdefault(route, []).append((*counted,))
        return result

    def _waiting(self, series: list[int]) -> dict[tuple[int, str], int]:
        rows = self._of(_WAITING, series, "GROUP BY i.series, d.destination")
        return {(number, destination): count for number, destination, count in rows}

    def _of(self, statement: str, numbers: list[int], rest: str = "", *values: str) -> list[Row]:
        if not numbers:
            return []
        asked = f"{statement} ({','.join('?' * len(numbers))}) {rest}"
        return self._connection.execute(asked, (*numbers, *values)).fetchall()


def _route(row: Row, seals: Mapping[str, Seal]) -> Route:
    _, destination, profile, fingerprint, node, source, sealed, *sent = row
    original = _opened(sealed, seals.get(node))
    return Route(destination, profile, fingerprint, node, source, dict(zip(NAMES, sent, strict=True)), original)


def _transfer(row: Row, route: Route, seals: Mapping[str, Seal]) -> Transfer:
    opened = _opened(row[13], seals.get(route.node)) or {}
    known: tuple[Any, ...] = (*row[:12], route, opened.get("sop_instance_uid", ""))
    return Transfer(*known)


def _series(
    rows: list[Row],
    seals: Mapping[str, Seal],
    counted: Mapping[int, list[tuple[str, str, int, int, float]]],
    waiting: Mapping[tuple[int, str], int],
) -> SeriesAtDestination:
    """One series at one destination, whose routes are these, the newest first: what was sent last stands for it."""
    row = next((each for each in rows if any(each[9:])), rows[0])
    _, series, study, node, source, received, destination, profile, sealed = row[:9]
    counts = [each for row in rows for each in counted.get(row[0], ())]
    numbers = dict.fromkeys(VERDICTS, 0)
    reasons: dict[str, int] = {}
    for verdict, reason, number, _, _ in counts:
        numbers[verdict] += number
        if verdict != "Delivered":
            reasons[reason] = reasons.get(reason, 0) + number
    return SeriesAtDestination(
        series, study, node, source, received, destination, profile,
        dict(zip(NAMES, row[9:], strict=True)), _opened(sealed, seals.get(node)),
        numbers["Delivered"], numbers["Excluded"], numbers["Failed"], waiting.get((series, destination), 0),
        sum(size for _, _, _, size, _ in counts), max((at for *_, at in counts), default=None), reasons,
    )  # fmt: skip


def _opened(sealed: bytes | None, seal: Seal | None) -> dict[str, str] | None:
    return seal.open(sealed) if sealed is not None and seal is not None else None
