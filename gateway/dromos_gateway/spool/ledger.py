# SPDX-License-Identifier: Apache-2.0
"""Statements on the ledger. Those that change it run inside the committer's transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dromos_gateway.spool import shares
from dromos_gateway.spool.records import Delivery, Ending, Failure, Instance, Planned, State, Totals

DELIVERIES = 4096  # numbers that belong to one instance's deliveries: its own number times this, and what follows

_COLUMNS = (
    "file, size, data_set_offset, sop_class_uid, sop_instance_uid, transfer_syntax_uid, study, "
    "calling_ae_title, called_ae_title, peer_host, node, received_at"
)
_INSERT_INSTANCE = f"INSERT INTO instances (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_INSERT_DELIVERY = (
    "INSERT INTO deliveries (id, instance, destination, state, due, since, changed_at) "
    "VALUES (?, ?, ?, 'Waiting', ?, ?, ?)"
)
PAGE = 500  # dead letters that are told of at a time
_ANY_DELIVERY = "SELECT 1 FROM deliveries WHERE id >= ? AND id < ? LIMIT 1"
_COUNT = (
    "INSERT INTO counters (destination, delivered, excluded, last_transfer, last_error) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (destination) DO UPDATE SET delivered = delivered + excluded.delivered, "
    "excluded = counters.excluded + excluded.excluded, "
    "last_transfer = coalesce(excluded.last_transfer, last_transfer), "
    "last_error = coalesce(excluded.last_error, last_error)"
)


def add(connection: sqlite3.Connection, instance: Instance, plan: Sequence[Planned]) -> tuple[Delivery, ...]:
    """Record a new instance, which has its number, with a row for each destination that it waits for; give those."""
    number, now = instance.id, instance.received_at
    values = (
        number, instance.file, instance.size, instance.data_set_offset, instance.sop_class_uid,
        instance.sop_instance_uid, instance.transfer_syntax_uid, instance.study, instance.calling_ae_title,
        instance.called_ae_title, instance.peer_host, instance.node, now,
    )  # fmt: skip
    connection.execute(_INSERT_INSTANCE, values)
    waiting = deliveries(instance, plan)
    for each in waiting:
        connection.execute(_INSERT_DELIVERY, (each.id, number, each.destination, now, now, now))
    if len(waiting) < len(plan):
        count_excluded(connection, [item for item in plan if item.state is not State.Waiting])
    return waiting


def deliveries(instance: Instance, plan: Sequence[Planned]) -> tuple[Delivery, ...]:
    """What a new instance, which has its number, waits for."""
    now = instance.received_at
    return tuple(
        [
            Delivery(key, instance, item.destination, 0, now, now, judged=item.judged)
            for key, item in enumerate(plan, first_delivery(instance.id))
            if item.state is State.Waiting
        ]
    )


def count_excluded(connection: sqlite3.Connection, plan: Sequence[Planned]) -> None:
    """Count an instance that no destination takes; nothing of it is kept."""
    connection.executemany(_COUNT, [(item.destination, 0, 1, None, None) for item in plan])


class Settlement(NamedTuple):
    """What became of a delivery."""

    delivery: Delivery
    ending: Ending


class Released(NamedTuple):
    """An object that every destination is done with."""

    file: str
    size: int


def settle(
    connection: sqlite3.Connection, settlements: Sequence[Settlement], passed: frozenset[int] = frozenset()
) -> list[Released]:
    """End deliveries; the objects that may go now. What is kept of those that are over stands in the transfer log.

    Instances that `passed` never had rows; all their deliveries are over with these.
    """
    failed = [each for each in settlements if each.ending.state is State.Failed]
    over = [each for each in settlements if each.ending.state is not State.Failed]
    connection.executemany(
        "UPDATE deliveries SET state = 'Failed', reason = ?, message = ?, attempts = ?, changed_at = ? WHERE id = ?",
        [(end.reason, end.message, delivery.attempts, end.at, delivery.id) for delivery, end in failed],
    )
    rows = [(each.delivery.id,) for each in over if each.delivery.instance.id not in passed]
    connection.executemany("DELETE FROM deliveries WHERE id = ?", rows)
    _count(connection, settlements)
    for delivery, ending in over:
        if delivery.shares and ending.state is State.Delivered:
            shares.plan(connection, delivery.destination, delivery.shares, ending.at)
    instances = {each.delivery.instance.id: each.delivery.instance for each in over}
    done = [each for key, each in instances.items() if key in passed or not _has_deliveries(connection, key)]
    connection.executemany("DELETE FROM instances WHERE id = ?", [(each.id,) for each in done if each.id not in passed])
    return [Released(each.file, each.size) for each in done]


def _count(connection: sqlite3.Connection, settlements: Sequence[Settlement]) -> None:
    by_destination: dict[str, list[Ending]] = {}
    for delivery, ending in settlements:
        by_destination.setdefault(delivery.destination, []).append(ending)
    for destination, endings in by_destination.items():
        delivered = [ending.at for ending in endings if ending.state is State.Delivered]
        excluded = sum(ending.state is State.Excluded for ending in endings)
        errors = [ending.message for ending in endings if ending.state is State.Failed]
        last, error = max(delivered, default=None), errors[-1] if errors else None
        connection.execute(_COUNT, (destination, len(delivered), excluded, last, error))


def _has_deliveries(connection: sqlite3.Connection, instance: int) -> bool:
    row = connection.execute(_ANY_DELIVERY, (first_delivery(instance), first_delivery(instance + 1))).fetchone()
    return row is not None


def first_delivery(instance: int) -> int:
    """The first of the numbers that belong to an instance's deliveries; no index is needed to find them."""
    return instance * DELIVERIES


def forget_if_done(connection: sqlite3.Connection, instance: int) -> Released | None:
    """Remove the row of an instance that has no delivery left."""
    if _has_deliveries(connection, instance):
        return None
    row = connection.execute("SELECT file, size FROM instances WHERE id = ?", (instance,)).fetchone()
    connection.execute("DELETE FROM instances WHERE id = ?", (instance,))
    return None if row is None else Released(*row)


def reschedule(connection: sqlite3.Connection, delivery: Delivery, at: float) -> None:
    """Keep a failed attempt: when to try again, and what the peer said."""
    connection.execute(
        "UPDATE deliveries SET attempts = ?, due = ?, message = ?, changed_at = ? WHERE id = ?",
        (delivery.attempts, delivery.due, delivery.last_error, at, delivery.id),
    )
    connection.execute(_COUNT, (delivery.destination, 0, 0, None, delivery.last_error))


def bury_destination(connection: sqlite3.Connection, destination: str, *, reason: str, message: str, at: float) -> int:
    """Make dead letters of everything that waits for a destination; how many there were."""
    return connection.execute(
        "UPDATE deliveries SET state = 'Failed', reason = ?, message = ?, changed_at = ? "
        "WHERE destination = ? AND state = 'Waiting'",
        (reason, message, at, destination),
    ).rowcount


def bury_instances(
    connection: sqlite3.Connection, instances: Iterable[int], *, reason: str, message: str, at: float
) -> None:
    """Make dead letters of whatever waits of these instances."""
    connection.executemany(
        "UPDATE deliveries SET state = 'Failed', reason = ?, message = ?, changed_at = ? "
        "WHERE id >= ? AND id < ? AND state = 'Waiting'",
        [(reason, message, at, first_delivery(key), first_delivery(key + 1)) for key in instances],
    )


def revive(connection: sqlite3.Connection, failure: int, destination: str | None, at: float) -> Delivery | None:
    """Put a dead letter back into its queue, or into another destination's; None when there is no such one."""
    changed = connection.execute(
        "UPDATE deliveries SET state = 'Waiting', reason = '', message = '', attempts = 0, due = ?, since = ?, "
        "changed_at = ?, destination = coalesce(?, destination) WHERE id = ? AND state = 'Failed'",
        (at, at, at, destination, failure),
    ).rowcount
    return next(_deliveries(connection, "d.id = ?", (failure,)), None) if changed else None


def discard(connection: sqlite3.Connection, failure: int) -> tuple[bool, Released | None]:
    """Give a dead letter up by hand: whether there was one, and the object that may go."""
    row = connection.execute(
        "DELETE FROM deliveries WHERE id = ? AND state = 'Failed' RETURNING instance, destination", (failure,)
    ).fetchone()
    if row is None:
        return False, None
    connection.execute(_COUNT, (row[1], 0, 1, None, None))
    return True, forget_if_done(connection, row[0])


def waiting(connection: sqlite3.Connection) -> Iterator[Delivery]:
    """Everything that waits, in the order of arrival."""
    return _deliveries(connection, "d.state = 'Waiting'", ())


def waiting_for(connection: sqlite3.Connection, destination: str) -> Iterator[Delivery]:
    """What waits for one destination."""
    return _deliveries(connection, "d.state = 'Waiting' AND d.destination = ?", (destination,))


def waiting_of(connection: sqlite3.Connection, instance: int) -> list[Delivery]:
    """What waits of one instance."""
    return list(_deliveries(connection, "d.state = 'Waiting' AND i.id = ?", (instance,)))


def _deliveries(connection: sqlite3.Connection, where: str, values: tuple[object, ...]) -> Iterator[Delivery]:
    instances: dict[int, Instance] = {}  # shared between the destinations of an instance
    query = (
        f"SELECT d.id, d.destination, d.attempts, d.due, d.since, d.message, i.id, {_COLUMNS} "  # noqa: S608
        f"FROM deliveries d JOIN instances i ON i.id = d.instance WHERE {where} ORDER BY i.id, d.id"
    )
    for row in connection.execute(query, values):
        instance = instances.get(row[6])
        if instance is None:
            instances = {row[6]: (instance := Instance(*row[6:]))}
        yield Delivery(row[0], instance, row[1], row[2], row[3], row[4], row[5])


def failures(
    connection: sqlite3.Connection,
    failure: int | None = None,
    destination: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> list[Failure]:
    """Dead letters, the one that came in last first: that one, or those of a destination with lower numbers."""
    rows = connection.execute(
        "SELECT d.id, d.destination, i.node, d.reason, d.message, d.attempts, d.changed_at, i.received_at, i.size, "
        "i.sop_class_uid, i.sop_instance_uid, i.transfer_syntax_uid, i.study, i.calling_ae_title "
        "FROM deliveries d JOIN instances i ON i.id = d.instance WHERE d.state = 'Failed' AND (?1 IS NULL OR d.id = ?1)"
        " AND (?2 IS NULL OR d.destination = ?2) AND (?3 IS NULL OR d.id < ?3) ORDER BY d.id DESC LIMIT ?4",
        (failure, destination, before, limit),
    )
    return [Failure(*row) for row in rows]


def totals(connection: sqlite3.Connection) -> dict[str, Totals]:
    """Rows and counters of every destination that ever had any."""
    result: dict[str, Totals] = {}
    for destination, delivered, excluded, last, error in connection.execute("SELECT * FROM counters"):
        result[destination] = Totals(delivered=delivered, excluded=excluded, last_transfer=last, last_error=error)
    for state, destination, number, oldest in connection.execute(
        "SELECT state, destination, count(*), min(since) FROM deliveries "
        "WHERE state IN ('Waiting', 'Failed') GROUP BY state, destination"
    ):
        known = result.get(destination, Totals())
        if state == State.Waiting:
            result[destination] = replace(known, waiting=number, oldest=oldest)
        else:
            result[destination] = replace(known, failed=number)
    for destination, (wait, gave_up) in shares.counts(connection).items():
        known = result.get(destination, Totals())
        result[destination] = replace(known, shares_waiting=wait, shares_failed=gave_up)
    return result


def instances(connection: sqlite3.Connection) -> int:
    """How many objects there are."""
    (number,) = connection.execute("SELECT count(*) FROM instances").fetchone()
    return int(number)


def files(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Of every instance its file's name: (id, size)."""
    return {file: (key, size) for key, file, size in connection.execute("SELECT id, file, size FROM instances")}
