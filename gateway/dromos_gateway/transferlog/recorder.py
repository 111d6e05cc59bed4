# SPDX-License-Identifier: Apache-2.0
"""Writes the log. Every method runs in the committer's thread, inside its transaction, of which `flush` is the last
word: what one transaction tells of is written at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dromos_gateway.header import HeaderView
from dromos_gateway.spool.ledger import DELIVERIES
from dromos_gateway.spool.recording import Front
from dromos_gateway.spool.records import Delivery, Ending, Instance, Planned, State
from dromos_gateway.transferlog import retention, schema
from dromos_gateway.transferlog.identifiers import glance, read_front, read_view
from dromos_gateway.transferlog.references import References

_LONGEST_MESSAGE = 1024
_VALUES = (
    "id", "route", "destination", "at", "received_at", "size", "sop_class_uid", "transfer_syntax_uid",
    "sop_instance_uid", "original", "verdict", "reason", "message", "attempts", "changes", "original_hash",
)  # fmt: skip
_INSERT = f"INSERT OR REPLACE INTO log_recent ({', '.join(_VALUES)}) VALUES ({', '.join('?' * len(_VALUES))})"  # noqa: S608
_ELSEWHERE = DELIVERIES // 2  # from here on an instance's numbers are of where it failed before it went elsewhere
_FAILED_THERE = (
    "UPDATE log_transfers SET "
    "id = (SELECT coalesce(max(id), ?1 - 1) + 1 FROM log_transfers WHERE id BETWEEN ?1 AND ?2), "
    "message = ?3 || message WHERE id = ?4 AND NOT EXISTS (SELECT 1 FROM log_transfers WHERE id = ?2)"
)
_MANY = 512  # recent rows that are moved
_LOWEST = (
    "SELECT min(0, coalesce(min(id), 0)) FROM (SELECT id FROM log_recent UNION ALL SELECT min(id) FROM log_transfers)"
)
_Row = tuple[Any, ...]


class Settled(NamedTuple):
    """What became of one instance at one destination, for whoever else wants to know."""

    series: int
    study: bytes  # the same for all series of one study from one source
    route: int
    destination: str
    instance: Instance
    ending: Ending

    def __repr__(self) -> str:
        return f"Settled({self.destination!r}, {self.ending.state})"  # nothing of a patient


class Recorder:
    """The log's only writer."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._references = References(folder, schema.prepare(connection))
        self._folder = folder
        self.policy = self._references.policy  # what may be kept; another thread may give another one at any time
        self._rows: dict[int, _Row] = {}
        self._settled: list[Settled] = []
        self._recent = _MANY  # rows to move, or more than there are
        self._lowest: int | None = None  # number of a row whose instance never got one of the ledger
        self.spoken_of: Callable[[sqlite3.Connection], Iterable[int]] = lambda _: ()  # routes that others refer to
        self.on_settled: Callable[[sqlite3.Connection, Sequence[Settled]], None] = lambda *_: None

    def rolled_back(self) -> None:
        """Nothing of the transaction lasts."""
        self._references.rolled_back()
        self._recent = _MANY  # there may be some
        self._rows.clear()
        self._settled.clear()
        self._lowest = None

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
        self._references.follow(self.policy)
        if isinstance(front, HeaderView):
            found = read_view(front)
        elif (seen := glance(front, instance.transfer_syntax_uid)) is not None:
            found = seen
        else:
            path = self._folder / instance.file if instance.id else None
            found = read_front(front, instance.transfer_syntax_uid, path, instance.data_set_offset)
        series = self._references.series(connection, instance, found)
        if instance.id and stays:
            connection.execute("INSERT OR REPLACE INTO log_instances VALUES (?, ?)", (instance.id, series.id))
        for item in plan:
            route = self._references.route(connection, series, item.destination)
            if item.state is not State.Waiting:
                ending = Ending(item.state, item.reason, "", instance.received_at)
                settled = Settled(series.id, series.study, route, item.destination, instance, ending)
                self._write(connection, self._unnumbered(connection), 0, settled)

    def settled(self, connection: sqlite3.Connection, delivery: Delivery, ending: Ending) -> None:
        """A delivery ended; to be called while the ledger still knows its instance."""
        references, instance, destination = self._references, delivery.instance, delivery.destination
        references.follow(self.policy)
        series = references.series_again(connection, instance)
        if ending.sent is None:
            route = references.route(connection, series, destination)
        else:
            route = references.route_of(connection, series, destination, ending.sent)
        settled = Settled(series.id, series.study, route, destination, instance, ending)
        self._write(connection, delivery.id, delivery.attempts, settled)

    def discarded(self, connection: sqlite3.Connection, delivery: int, at: float) -> None:
        """A dead letter was given up by hand; why it failed stays told."""
        self.move(connection)
        connection.execute(
            "UPDATE log_transfers SET verdict = 'Excluded', reason = 'discarded by hand', "
            "message = trim(reason || '; ' || message, '; '), at = ? WHERE id = ?",
            (at, delivery),
        )

    def revived(self, connection: sqlite3.Connection, delivery: Delivery) -> None:
        """A dead letter waits again: where it failed, or elsewhere, and then it stays told that it failed there."""
        self.move(connection)
        destination = self._references.destination(connection, delivery.destination)
        first, last = delivery.instance.id * DELIVERIES + _ELSEWHERE, (delivery.instance.id + 1) * DELIVERIES - 1
        connection.execute(
            "DELETE FROM log_transfers WHERE destination = ? AND (id = ? OR id BETWEEN ? AND ?)",
            (destination, delivery.id, first, last),
        )
        connection.execute(_FAILED_THERE, (first, last, f"retried to {delivery.destination}; ", delivery.id))

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write what was told since."""
        if not self._settled:
            return
        rows, self._rows = self._rows, {}
        settled, self._settled = self._settled, []
        connection.executemany(_INSERT, rows.values())
        self._recent += len(rows)
        if self._recent >= _MANY:
            self.move(connection)
        self.on_settled(connection, settled)

    def move(self, connection: sqlite3.Connection) -> None:
        """Put recent rows where questions find them."""
        if self._recent:
            schema.move(connection)
            self._recent = 0

    def tidy(self, connection: sqlite3.Connection) -> None:
        """Forget what no row speaks of any more, in memory too; this transaction's own rows go first."""
        self.flush(connection)
        self.move(connection)
        retention.tidy(connection, self.spoken_of(connection))
        self._references.rolled_back()

    def _write(self, connection: sqlite3.Connection, number: int, attempts: int, settled: Settled) -> None:
        instance, ending, policy = settled.instance, settled.ending, self._references.policy
        sent = ending.sent
        plain = sent is None and settled.destination in policy.unchanged
        seal = None if plain else policy.seals.get(instance.node)
        outgoing = sent.sop_instance_uid if sent is not None else instance.sop_instance_uid if plain else ""
        self._settled.append(settled)
        self._rows[number] = (
            number, settled.route, self._references.destination(connection, settled.destination), ending.at,
            instance.received_at, instance.size, instance.sop_class_uid,
            sent.transfer_syntax_uid if sent is not None else instance.transfer_syntax_uid,
            "" if settled.destination in policy.nameless else outgoing,
            seal.close({"sop_instance_uid": instance.sop_instance_uid}) if seal is not None else None,
            ending.state, ending.reason, ending.message[:_LONGEST_MESSAGE], attempts,
            sent.changes if sent is not None else "",
            seal.lookup("sop_instance_uid", instance.sop_instance_uid) if seal is not None else None,
        )  # fmt: skip

    def _unnumbered(self, connection: sqlite3.Connection) -> int:
        """For what never got a row of the ledger, whose numbers go up, they go down."""
        if self._lowest is None:
            (self._lowest,) = connection.execute(_LOWEST).fetchone()
        self._lowest -= 1
        return self._lowest
