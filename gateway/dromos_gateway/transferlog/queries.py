# SPDX-License-Identifier: Apache-2.0
"""Questions to the log, over a connection that only reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import nextafter
from typing import Any

from dromos_gateway.spool.ledger import DELIVERIES
from dromos_gateway.transferlog.identifiers import NAMES
from dromos_gateway.transferlog.sealing import LOOKED_UP, Seal

Row = tuple[Any, ...]
MOST = 1000  # rows of one answer
_MOST_ROUTES = 10_000  # series at a destination that one question may be about
_COLUMNS = (
    "t.id, t.at, t.received_at, t.size, t.sop_class_uid, t.transfer_syntax_uid, t.sop_instance_uid, "
    "t.verdict, t.reason, t.message, t.attempts, t.changes, r.destination, r.profile, r.secret_fingerprint, "
    f"s.node, s.source, s.original, t.original, {', '.join(f'r.{name}' for name in NAMES)}"
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
_TABLES = "log_transfers t JOIN log_routes r ON r.id = t.route JOIN log_series s ON s.id = r.series"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for; identifiers match what came in and what went out."""

    patient_id: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)
    series_instance_uid: str = field(default="", repr=False)
    sop_instance_uid: str = field(default="", repr=False)  # outgoing
    destination: str = ""  # namespace/name
    verdict: str = ""  # Delivered | Excluded | Failed
    since: float = 0.0
    until: float = 1e12
    limit: int = 100
    before: int | None = None  # the last row of the answer before

    @property
    def identifiers(self) -> Mapping[str, str]:
        """Those of patient, study and series that are asked for."""
        return {name: value for name in LOOKED_UP if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Transfer:
    """One instance at one destination."""

    id: int
    at: float
    received_at: float
    size: int
    sop_class_uid: str
    transfer_syntax_uid: str
    sop_instance_uid: str = field(repr=False)
    verdict: str
    reason: str
    message: str
    attempts: int
    changes: str
    destination: str
    profile: str
    secret_fingerprint: str
    node: str
    source: str
    sent: Mapping[str, str] = field(repr=False)  # identifiers as the destination got them
    original: Mapping[str, str] | None = field(repr=False)  # None: not kept


@dataclass(frozen=True, slots=True)
class SeriesAtDestination:
    """What became of one series at one destination."""

    series: int
    study: bytes = field(repr=False)
    node: str
    source: str
    received_at: float  # its first instance
    destination: str
    profile: str
    sent: Mapping[str, str] = field(repr=False)
    original: Mapping[str, str] | None = field(repr=False)
    delivered: int
    excluded: int
    failed: int
    waiting: int
    bytes: int
    last: float | None
    reasons: Mapping[str, int]  # of what was not delivered


class Queries:
    """Asks one connection; not for two threads at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def transfers(self, question: Question, seals: Mapping[str, Seal]) -> Iterator[Transfer]:
        """Rows, the newest first."""
        where, values = ["t.at >= ? AND t.at <= ?"], list[object]((question.since, self._until(question)))
        if question.identifiers:
            routes = self._routes(question, seals)
            where.append(f"t.route IN ({','.join('?' * len(routes))})")
            values += routes
        if question.sop_instance_uid:
            where.append("t.sop_instance_uid = ? AND t.sop_instance_uid <> ''")
            values.append(question.sop_instance_uid)
        if question.destination:
            where.append("t.destination = (SELECT id FROM log_destinations WHERE key = ?)")
            values.append(question.destination)
        if question.verdict:
            where.append("t.verdict = ?" + (" AND t.verdict <> 'Delivered'" if question.verdict != "Delivered" else ""))
            values.append(question.verdict)
        if question.before is not None:
            where.append("(t.at < ? OR t.id < ?)")
            values += (values[1], question.before)
        values.append(min(question.limit, MOST))
        statement = (
            f"SELECT {_COLUMNS} FROM {_TABLES} WHERE {' AND '.join(where)} ORDER BY t.at DESC, t.id DESC LIMIT ?"  # noqa: S608
        )
        opened: dict[bytes, dict[str, str] | None] = {}
        for row in self._connection.execute(statement, values):
            yield _transfer(row, seals.get(row[15]), opened)

    def series(self, question: Question, seals: Mapping[str, Seal]) -> list[SeriesAtDestination]:
        """What became of the series that the identifiers name, at every destination."""
        routes = self._routes(question, seals)
        series = [number for (number,) in self._of("SELECT DISTINCT series FROM log_routes WHERE id IN", routes)]
        rows = self._of(
            f"SELECT {_SERIES_COLUMNS} FROM log_routes r JOIN log_series s ON s.id = r.series WHERE r.series IN",  # noqa: S608
            series,
        )
        known = {row[0]: row[1:] for row in rows}
        counts = self._counts(known)
        waiting = self._waiting(series)
        return [_series(row, seals, counts.get(route, []), waiting) for route, row in known.items()]

    def _until(self, question: Question) -> float:
        """The last time that is asked for, as one bound: an index goes by one."""
        until = nextafter(question.until, 0.0)
        if question.before is None:
            return until
        row = self._connection.execute("SELECT at FROM log_transfers WHERE id = ?", (question.before,)).fetchone()
        return (
            min(until, float(row[0])) if row is not None else 0.0
        )  # what is older than a row that is gone is gone too

    def _routes(self, question: Question, seals: Mapping[str, Seal]) -> list[int]:
        """The routes that every given identifier fits, as it came in or as it went out."""
        found: set[int] | None = None
        for name, value in question.identifiers.items():
            statement = f"SELECT id FROM log_routes WHERE {name} = ? AND {name} <> ''"  # noqa: S608
            fitting = {number for (number,) in self._connection.execute(statement, (value,))}
            column = f"{name.split('_')[0]}_hash"
            for node, seal in seals.items():
                fitting |= {
                    number
                    for (number,) in self._connection.execute(
                        f"SELECT r.id FROM log_series s JOIN log_routes r ON r.series = s.id "  # noqa: S608
                        f"WHERE s.{column} = ? AND s.{column} IS NOT NULL AND s.node = ?",
                        (seal.lookup(name, value), node),
                    )
                }
            found = fitting if found is None else found & fitting
        return sorted(found or ())[-_MOST_ROUTES:]

    def _counts(self, routes: Iterable[int]) -> dict[int, list[tuple[str, str, int, int, float]]]:
        """Per route: verdict, reason, number, bytes, last time."""
        result: dict[int, list[tuple[str, str, int, int, float]]] = {}
        for route, *counted in self._of(
            "SELECT route, verdict, reason, count(*), sum(size), max(at) FROM log_transfers WHERE route IN",
            list(routes),
            "GROUP BY route, verdict, reason",
        ):
            result.setdefault(route, []).append((*counted,))
        return result

    def _waiting(self, series: list[int]) -> dict[tuple[int, str], int]:
        rows = self._of(_WAITING, series, "GROUP BY i.series, d.destination")
        return {(number, destination): count for number, destination, count in rows}

    def _of(self, statement: str, numbers: list[int], rest: str = "") -> list[Row]:
        return self._connection.execute(f"{statement} ({','.join('?' * len(numbers))}) {rest}", numbers).fetchall()


def _transfer(row: Row, seal: Seal | None, opened: dict[bytes, dict[str, str] | None]) -> Transfer:
    """A row; what is sealed of its series is opened once for all rows of an answer."""
    sealed = row[17]
    if sealed is not None and sealed not in opened:
        opened[sealed] = _opened(sealed, seal)
    original = opened.get(sealed)
    if original is not None:
        original = original | (_opened(row[18], seal) or {})
    known: tuple[Any, ...] = (*row[:17], dict(zip(NAMES, row[19:], strict=True)), original)
    return Transfer(*known)


def _series(
    row: Row,
    seals: Mapping[str, Seal],
    counts: Iterable[tuple[str, str, int, int, float]],
    waiting: Mapping[tuple[int, str], int],
) -> SeriesAtDestination:
    series, study, node, source, received, destination, profile, sealed = row[:8]
    numbers = {"Delivered": 0, "Excluded": 0, "Failed": 0}
    reasons: dict[str, int] = {}
    for verdict, reason, number, _, _ in counts:
        numbers[verdict] += number
        if verdict != "Delivered":
            reasons[reason] = reasons.get(reason, 0) + number
    return SeriesAtDestination(
        series, study, node, source, received, destination, profile,
        dict(zip(NAMES, row[8:], strict=True)), _opened(sealed, seals.get(node)),
        numbers["Delivered"], numbers["Excluded"], numbers["Failed"], waiting.get((series, destination), 0),
        sum(size for _, _, _, size, _ in counts), max((at for *_, at in counts), default=None), reasons,
    )  # fmt: skip


def _opened(sealed: bytes | None, seal: Seal | None) -> dict[str, str] | None:
    return seal.open(sealed) if sealed is not None and seal is not None else None
