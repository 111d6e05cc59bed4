# SPDX-License-Identifier: Apache-2.0
"""What rows refer to, written once for many: series, what each destination gets of them by which profile, destinations.

Runs in the committer's thread, inside its transaction. What was asked a moment ago is remembered.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from dromos_gateway.spool.records import Instance, Sent
from dromos_gateway.transferlog.identifiers import NAMES, Identifiers, read_file, read_front
from dromos_gateway.transferlog.sealing import LOOKED_UP, Seal, keyed_hash

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_REMEMBERED = 4096  # series, instances and routes of a series whose rows are known without asking
_NOTHING = Identifiers()
_INSERT_SERIES = (
    "INSERT INTO log_series (key, study, node, source, first_at, original, patient_hash, accession_hash, study_hash, "
    "series_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# of a series that goes on after its ForwardNode got another key, or its first one
_SEAL_SERIES = (
    "UPDATE log_series SET original = ?, patient_hash = ?, accession_hash = ?, study_hash = ?, series_hash = ? "
    "WHERE id = ?"
)
_ROUTE = "series = ? AND destination = ? AND profile = ? AND secret_fingerprint = ?"
_FIND_ROUTE = (
    f"SELECT id FROM log_routes WHERE {_ROUTE} "  # noqa: S608
    "AND patient_id = ? AND accession_number = ? AND study_instance_uid = ? AND series_instance_uid = ?"
)
_FIND_ANY_ROUTE = f"SELECT id FROM log_routes WHERE {_ROUTE} ORDER BY series_instance_uid <> '' DESC, id DESC"  # noqa: S608
_INSERT_ROUTE = (
    f"INSERT INTO log_routes (series, destination, profile, secret_fingerprint, {', '.join(NAMES)}) "  # noqa: S608
    f"VALUES (?, ?, ?, ?, {', '.join('?' * len(NAMES))})"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be kept: each ForwardNode's seal, if it has one, and of which destinations what they get.

    Those in `unchanged` get data as it came, so that it may stand in clear. Of the `nameless` nothing is kept in clear.
    """

    seals: Mapping[str, Seal]
    unchanged: frozenset[str]
    nameless: frozenset[str] = frozenset()


_Applied = tuple[str, str, str, Identifiers | None]  # destination, profile, secret's fingerprint, what goes out


@dataclass(frozen=True, slots=True)
class Series:
    """A series from one source; what is known of it, where that was read lately."""

    id: int
    study: bytes  # the same for all series of one study from one source
    found: Identifiers | None = field(repr=False)
    plain: dict[str, int] = field(default_factory=dict)  # routes to destinations that get nothing else than came in
    changed: dict[_Applied, int] = field(default_factory=dict)


class References:
    """Gives numbers of rows, making them where they are not."""

    def __init__(self, folder: Path, grouping: bytes) -> None:
        self.policy = Policy({}, frozenset())
        self._folder = folder
        self._grouping = grouping
        self._series: dict[tuple[str, str, Identifiers], Series] = {}
        self._instances: dict[int, Series] = {}  # of those that wait
        self._destinations: dict[str, int] = {}

    def follow(self, policy: Policy) -> None:
        """Keep what this one says; what is remembered was made by another."""
        if policy is not self.policy:
            self.policy = policy
            self.rolled_back()

    def rolled_back(self) -> None:
        """Rows that were written did not last: what is remembered of them may be wrong."""
        self._series.clear()
        self._instances.clear()
        self._destinations.clear()

    def series(self, connection: sqlite3.Connection, instance: Instance, found: Identifiers) -> Series:
        """The series of an instance that came in."""
        series = self._series.get((instance.node, instance.calling_ae_title, found))
        if series is None:
            series = self._series_of(connection, instance, found)
            _remember(self._series, (instance.node, instance.calling_ae_title, found), series)
        if instance.id:
            _remember(self._instances, instance.id, series)
        return series

    def series_again(self, connection: sqlite3.Connection, instance: Instance) -> Series:
        """The series of an instance that came in earlier."""
        if (known := self._instances.get(instance.id)) is not None:
            return known
        row = connection.execute(
            "SELECT s.id, s.study FROM log_instances i JOIN log_series s ON s.id = i.series WHERE i.instance = ?",
            (instance.id,),
        ).fetchone()
        if row is not None:
            return Series(int(row[0]), bytes(row[1]), None)
        path = self._folder / instance.file  # it came in before there was a log
        return self.series(
            connection, instance, read_file(path, instance.data_set_offset, instance.transfer_syntax_uid)
        )

    def route(self, connection: sqlite3.Connection, series: Series, destination: str) -> int:
        """Of a series to a destination that gets it as it came in, or nothing of it."""
        route = series.plain.get(destination)
        if route is None:
            shown = series.found if destination in self.policy.unchanged else _NOTHING
            route = series.plain[destination] = _route(connection, series.id, (destination, "", "", shown))
        return route

    def route_of(self, connection: sqlite3.Connection, series: Series, destination: str, sent: Sent) -> int:
        """Of a series to a destination that gets what a profile has made of it."""
        shown: Identifiers | None = _NOTHING
        if destination not in self.policy.nameless:
            shown = read_front(sent.beginning, sent.transfer_syntax_uid) if sent.beginning else None
        applied = (destination, sent.profile, sent.secret_fingerprint, shown)
        route = series.changed.get(applied)
        if route is None:
            route = _route(connection, series.id, applied)
            _remember(series.changed, applied, route)
        return route

    def destination(self, connection: sqlite3.Connection, key: str) -> int:
        """The number of a destination."""
        number = self._destinations.get(key)
        if number is None:
            connection.execute("INSERT OR IGNORE INTO log_destinations (key) VALUES (?)", (key,))
            (number,) = connection.execute("SELECT id FROM log_destinations WHERE key = ?", (key,)).fetchone()
            self._destinations[key] = number
        return number

    def _series_of(self, connection: sqlite3.Connection, instance: Instance, found: Identifiers) -> Series:
        source = instance.node, instance.calling_ae_title
        named = found.patient_id, found.accession_number, found.study_instance_uid, found.series_instance_uid
        key = keyed_hash(self._grouping, *source, *named)
        row = connection.execute("SELECT id, study, original FROM log_series WHERE key = ?", (key,)).fetchone()
        seal = self.policy.seals.get(instance.node)
        if row is not None:
            number, study = int(row[0]), bytes(row[1])
            if seal is not None and (row[2] is None or seal.open(row[2]) is None):
                connection.execute(_SEAL_SERIES, (*_sealed(seal, found), number))
            return Series(number, study, found)
        study = keyed_hash(self._grouping, *source, found.study_instance_uid)
        values = (key, study, *source, instance.received_at, *_sealed(seal, found))
        return Series(connection.execute(_INSERT_SERIES, values).lastrowid or 0, study, found)


def _sealed(seal: Seal | None, found: Identifiers) -> tuple[bytes | None, ...]:
    """What came in, for whoever has the key, and the hashes by which it is found."""
    if seal is None:
        return (None,) * (1 + len(LOOKED_UP))
    hashes = (seal.lookup(name, value) if (value := getattr(found, name)) else None for name in LOOKED_UP)
    return seal.close(asdict(found)), *hashes


def _route(connection: sqlite3.Connection, series: int, applied: _Applied) -> int:
    which: tuple[Any, ...] = (series, *applied[:-1])
    shown = applied[-1]
    if shown is None:  # it was read before a restart: whatever is known of it
        row, shown = connection.execute(_FIND_ANY_ROUTE, which).fetchone(), _NOTHING
    else:
        named = (shown.patient_id, shown.accession_number, shown.study_instance_uid, shown.series_instance_uid)
        row = connection.execute(_FIND_ROUTE, (*which, *named)).fetchone()
    if row is not None:
        return int(row[0])
    return connection.execute(_INSERT_ROUTE, (*which, *(getattr(shown, name) for name in NAMES))).lastrowid or 0


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]  # the one that is there longest
