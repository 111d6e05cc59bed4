# SPDX-License-Identifier: Apache-2.0
"""Writes the log. Every method runs in the committer's thread, inside its transaction."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from dromos_gateway.header import HeaderView
from dromos_gateway.spool.recording import Front
from dromos_gateway.spool.records import Delivery, Ending, Instance, Planned, Sent, State
from dromos_gateway.transferlog import schema
from dromos_gateway.transferlog.identifiers import NAMES, Identifiers, read_file, read_front, read_view
from dromos_gateway.transferlog.sealing import LOOKED_UP, Seal, keyed_hash

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_REMEMBERED = 4096  # series, routes and instances whose rows are known without asking
_LONGEST_MESSAGE = 1024
_INSERT_SERIES = (
    "INSERT INTO log_series (key, study, node, source, first_at, original, patient_hash, accession_hash, study_hash, "
    "series_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ROUTE = (
    f"INSERT INTO log_routes (series, destination, {', '.join(NAMES)}) VALUES (?, ?, {', '.join('?' * len(NAMES))})"  # noqa: S608
)
_UPDATE_ROUTE = (
    f"UPDATE log_routes SET {', '.join(f'{name} = ?' for name in NAMES)}, profile = ?, secret_fingerprint = ? "  # noqa: S608
    "WHERE id = ?"
)
_BLANKED = ", ".join(f"{name} = ''" for name in NAMES)
_BLANK_ROUTE = f"UPDATE log_routes SET {_BLANKED} WHERE id = ? AND profile = '' AND secret_fingerprint = ''"  # noqa: S608
_VALUES = (
    "route", "destination", "at", "received_at", "size", "sop_class_uid", "transfer_syntax_uid", "sop_instance_uid",
    "original", "verdict", "reason", "message", "attempts", "changes",
)  # fmt: skip
_INSERT_TRANSFER = (  # not OR REPLACE, which would pass the triggers by that count
    f"INSERT INTO log_transfers (id, {', '.join(_VALUES)}) VALUES (?, {', '.join('?' * len(_VALUES))}) "  # noqa: S608
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _VALUES)}"
)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be kept: each ForwardNode's seal, if it has one, and of which destinations what they get.

    Those in `unchanged` get data as it came, so that it may stand in clear. Of the `nameless` nothing is kept in clear.
    """

    seals: Mapping[str, Seal]
    unchanged: frozenset[str]
    nameless: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one instance at one destination, for whoever else wants to know."""

    series: int
    study: bytes  # the same for all series of one study from one source
    route: int
    destination: str
    instance: Instance
    ending: Ending


class Recorder:
    """The log's only writer."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._grouping = schema.prepare(connection)
        self._folder = folder
        self.policy = Policy({}, frozenset())
        self.on_settled: Callable[[sqlite3.Connection, Settled], None] = lambda *_: None
        self._series: OrderedDict[tuple[str, str, Identifiers], tuple[int, bytes]] = OrderedDict()
        self._instances: OrderedDict[int, tuple[int, bytes]] = OrderedDict()  # the series of those that wait
        self._routes: OrderedDict[tuple[int, str, bool], int] = OrderedDict()
        self._destinations: dict[str, int] = {}

    def rolled_back(self) -> None:
        """Rows that were written did not last: what is remembered of them may be wrong."""
        self._series.clear()
        self._instances.clear()
        self._routes.clear()
        self._destinations.clear()

    def arrived(
        self,
        connection: sqlite3.Connection,
        instance: Instance,
        front: Front,
        plan: Sequence[Planned],
        *,
        stays: bool = True,
    ) -> None:
        """An instance came in; `plan` says which destinations exclude it already. Its id is 0 when all of them do."""
        if isinstance(front, HeaderView):
            found = read_view(front)
        else:
            path = f"{self._folder}/{instance.file}" if instance.id else None
            found = read_front(front, instance.transfer_syntax_uid, path, instance.data_set_offset)
        series, study = self._series_of(connection, instance, found)
        if instance.id:
            if stays:
                connection.execute("INSERT OR REPLACE INTO log_instances VALUES (?, ?)", (instance.id, series))
            _remember(self._instances, instance.id, (series, study))
        for item in plan:
            route = self._route(connection, series, item.destination, found)
            if item.state is not State.Waiting:
                ending = Ending(item.state, item.reason, "", instance.received_at)
                settled = Settled(series, study, route, item.destination, instance, ending)
                self._write(connection, _unnumbered(connection), 0, settled)

    def settled(self, connection: sqlite3.Connection, delivery: Delivery, ending: Ending) -> None:
        """A delivery ended; to be called while the ledger still knows its instance."""
        series, study = self._known_series(connection, delivery.instance)
        route = self._route(connection, series, delivery.destination, None)
        if ending.sent is not None:
            self._outgoing(connection, route, ending.sent, named=delivery.destination not in self.policy.nameless)
        settled = Settled(series, study, route, delivery.destination, delivery.instance, ending)
        self._write(connection, delivery.id, delivery.attempts, settled)

    def discarded(self, connection: sqlite3.Connection, delivery: int, at: float) -> None:
        """A dead letter was given up by hand."""
        connection.execute(
            "UPDATE log_transfers SET verdict = 'Excluded', reason = 'discarded by hand', at = ? WHERE id = ?",
            (at, delivery),
        )

    def revived(self, connection: sqlite3.Connection, delivery: int) -> None:
        """A dead letter waits again."""
        connection.execute("DELETE FROM log_transfers WHERE id = ?", (delivery,))

    def _series_of(self, connection: sqlite3.Connection, instance: Instance, found: Identifiers) -> tuple[int, bytes]:
        known = self._series.get((instance.node, instance.calling_ae_title, found))
        if known is None:
            key = keyed_hash(
                self._grouping, instance.node, instance.calling_ae_title, found.patient_id, found.accession_number,
                found.study_instance_uid, found.series_instance_uid,
            )  # fmt: skip
            row = connection.execute("SELECT id, study FROM log_series WHERE key = ?", (key,)).fetchone()
            known = (int(row[0]), bytes(row[1])) if row is not None else self._add(connection, key, instance, found)
            _remember(self._series, (instance.node, instance.calling_ae_title, found), known)
        return known

    def _add(
        self, connection: sqlite3.Connection, key: bytes, instance: Instance, found: Identifiers
    ) -> tuple[int, bytes]:
        study = keyed_hash(self._grouping, instance.node, instance.calling_ae_title, found.study_instance_uid)
        seal = self.policy.seals.get(instance.node)
        hashes: list[bytes | None] = [None] * len(LOOKED_UP)
        if seal is not None:
            hashes = [seal.lookup(name, value) if (value := getattr(found, name)) else None for name in LOOKED_UP]
        values = (
            key, study, instance.node, instance.calling_ae_title, instance.received_at,
            seal.close(asdict(found)) if seal is not None else None, *hashes,
        )  # fmt: skip
        return connection.execute(_INSERT_SERIES, values).lastrowid or 0, study

    def _known_series(self, connection: sqlite3.Connection, instance: Instance) -> tuple[int, bytes]:
        if (known := self._instances.get(instance.id)) is not None:
            return known
        row = connection.execute(
            "SELECT s.id, s.study FROM log_instances i JOIN log_series s ON s.id = i.series WHERE i.instance = ?",
            (instance.id,),
        ).fetchone()
        if row is not None:
            return int(row[0]), bytes(row[1])
        path = f"{self._folder}/{instance.file}"  # it came in before there was a log
        found = read_file(path, instance.data_set_offset, instance.transfer_syntax_uid)
        return self._series_of(connection, instance, found)

    def _route(self, connection: sqlite3.Connection, series: int, destination: str, found: Identifiers | None) -> int:
        plain = destination in self.policy.unchanged
        route = self._routes.get((series, destination, plain))
        if route is None:
            row = connection.execute(
                "SELECT id FROM log_routes WHERE series = ? AND destination = ?", (series, destination)
            ).fetchone()
            if row is not None:
                route = int(row[0])
                if not plain:  # what it got before its instances were changed may be told no longer
                    connection.execute(_BLANK_ROUTE, (route,))
            else:
                shown = found if found is not None and plain else Identifiers()
                values = (series, destination, *(getattr(shown, name) for name in NAMES))
                route = connection.execute(_INSERT_ROUTE, values).lastrowid or 0
            _remember(self._routes, (series, destination, plain), route)
        return route

    def _outgoing(self, connection: sqlite3.Connection, route: int, sent: Sent, *, named: bool) -> None:
        """What a destination got instead of the original: the first instance of a series tells, and the first that
        another profile or secret has changed.
        """
        asked = "SELECT series_instance_uid, profile, secret_fingerprint FROM log_routes WHERE id = ?"
        row = connection.execute(asked, (route,)).fetchone()
        told = row is not None and row[0] and tuple(row[1:]) == (sent.profile, sent.secret_fingerprint)
        if row is not None and not told and sent.beginning:
            found = read_front(sent.beginning, sent.transfer_syntax_uid) if named else Identifiers()
            values = (*(getattr(found, name) for name in NAMES), sent.profile, sent.secret_fingerprint, route)
            connection.execute(_UPDATE_ROUTE, values)

    def _destination(self, connection: sqlite3.Connection, key: str) -> int:
        number = self._destinations.get(key)
        if number is None:
            connection.execute("INSERT OR IGNORE INTO log_destinations (key) VALUES (?)", (key,))
            (number,) = connection.execute("SELECT id FROM log_destinations WHERE key = ?", (key,)).fetchone()
            self._destinations[key] = number
        return number

    def _write(self, connection: sqlite3.Connection, number: int, attempts: int, settled: Settled) -> None:
        instance, ending = settled.instance, settled.ending
        sent = ending.sent
        plain = sent is None and settled.destination in self.policy.unchanged
        seal = None if plain else self.policy.seals.get(instance.node)
        outgoing = sent.sop_instance_uid if sent is not None else instance.sop_instance_uid if plain else ""
        values = (
            number, settled.route, self._destination(connection, settled.destination), ending.at,
            instance.received_at, instance.size, instance.sop_class_uid,
            sent.transfer_syntax_uid if sent is not None else instance.transfer_syntax_uid,
            "" if settled.destination in self.policy.nameless else outgoing,
            seal.close({"sop_instance_uid": instance.sop_instance_uid}) if seal is not None else None,
            ending.state, ending.reason, ending.message[:_LONGEST_MESSAGE], attempts,
            sent.changes if sent is not None else "",
        )  # fmt: skip
        connection.execute(_INSERT_TRANSFER, values)
        self.on_settled(connection, settled)


def _unnumbered(connection: sqlite3.Connection) -> int:
    """For what never got a row of the ledger, whose numbers go up, they go down."""
    (number,) = connection.execute("SELECT min(0, coalesce(min(id), 0)) - 1 FROM log_transfers").fetchone()
    return int(number)


def _remember(known: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
