# SPDX-License-Identifier: Apache-2.0
"""Statements on the ledger. Those that change it run inside the committer's transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dromos_gateway.spool import shares
from dromos_gateway.spool.records import Delivery, Failure, Instance, Planned, State, Totals

_COLUMNS = (
    "file, size, data_set_offset, sop_class_uid, sop_instance_uid, transfer_syntax_uid, study, "
    "calling_ae_title, called_ae_title, peer_host, node, received_at"
)
_INSERT_INSTANCE = f"INSERT INTO instances ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_INSERT_DELIVERY = (
    "INSERT INTO deliveries (instance, destination, state, reason, due, since, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_COUNT = (
    "INSERT INTO counters (destination, delivered, excluded, last_transfer, last_error) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (destination) DO UPDATE SET delivered = delivered + excluded.delivered, "
    "excluded = counters.excluded + excluded.excluded, "
    "last_transfer = coalesce(excluded.last_transfer, last_transfer), "
    "last_error = coalesce(excluded.last_error, last_error)"
)


def add(
    connection: sqlite3.Connection, instance: Instance, plan: Sequence[Planned]
) -> tuple[Instance, tuple[Delivery, ...]]:
    """Record a new instance with a row for each destination; give it with its id, and the rows that wait."""
    values = (
        instance.file, instance.size, instance.data_set_offset, instance.sop_class_uid, instance.sop_instance_uid,
        instance.transfer_syntax_uid, instance.study, instance.calling_ae_title, instance.called_ae_title,
        instance.peer_host, instance.node, instance.received_at,
    )  # fmt: skip
    key = connection.execute(_INSERT_INSTANCE, values).lastrowid or 0
    stored = replace(instance, id=key)
    now = instance.received_at
    waiting = []
    for item in plan:
        row = (key, item.destination, item.state, item.reason, now, now, now)
        number = connection.execute(_INSERT_DELIVERY, row).lastrowid or 0
        if item.state is State.Waiting:
            waiting.append(Delivery(number, stored, item.destination, 0, now, now, judged=item.judged))
        else:
            connection.execute(_COUNT, (item.destination, 0, 1, None, None))
    return stored, tuple(waiting)


def count_excluded(connection: sqlite3.Connection, plan: Sequence[Planned]) -> None:
    """Count an instance that no destination takes; nothing of it is kept."""
    connection.executemany(_COUNT, [(item.destination, 0, 1, None, None) for item in plan])


def settle(
    connection: sqlite3.Connection, delivery: Delivery, state: State, *, reason: str, message: str, at: float
) -> str | None:
    """End a delivery. Gives the file's name when that was the instance's last one and the file may go."""
    connection.execute(
        "UPDATE deliveries SET state = ?, reason = ?, message = ?, attempts = ?, changed_at = ? WHERE id = ?",
        (state, reason, message, delivery.attempts, at, delivery.id),
    )
    delivered = state is State.Delivered
    if delivered and delivery.shares:
        shares.plan(connection, delivery.destination, delivery.shares, at)
    error = message if state is State.Failed else None
    connection.execute(
        _COUNT,
        (delivery.destination, int(delivered), int(state is State.Excluded), at if delivered else None, error),
    )
    return None if state is State.Failed else forget_if_done(connection, delivery.instance.id)


def forget_if_done(connection: sqlite3.Connection, instance: int) -> str | None:
    """Remove the rows of an instance that every destination is done with; give its file's name."""
    open_rows = connection.execute(
        "SELECT 1 FROM deliveries WHERE instance = ? AND state IN ('Waiting', 'Failed') LIMIT 1", (instance,)
    ).fetchone()
    if open_rows is not None:
        return None
    row = connection.execute("SELECT file FROM instances WHERE id = ?", (instance,)).fetchone()
    connection.execute("DELETE FROM deliveries WHERE instance = ?", (instance,))
    connection.execute("DELETE FROM instances WHERE id = ?", (instance,))
    return None if row is None else str(row[0])


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
        "WHERE instance = ? AND state = 'Waiting'",
        [(reason, message, at, key) for key in instances],
    )


def revive(connection: sqlite3.Connection, failure: int, destination: str | None, at: float) -> Delivery | None:
    """Put a dead letter back into its queue, or into another destination's; None when there is no such one."""
    changed = connection.execute(
        "UPDATE deliveries SET state = 'Waiting', reason = '', message = '', attempts = 0, due = ?, since = ?, "
        "changed_at = ?, destination = coalesce(?, destination) WHERE id = ? AND state = 'Failed'",
        (at, at, at, destination, failure),
    ).rowcount
    return next(_deliveries(connection, "d.id = ?", (failure,)), None) if changed else None


def discard(connection: sqlite3.Connection, failure: int, at: float) -> tuple[bool, str | None]:
    """Give a dead letter up by hand: whether there was one, and the file that may go."""
    row = connection.execute(
        "UPDATE deliveries SET state = 'Excluded', reason = 'discarded by hand', changed_at = ? "
        "WHERE id = ? AND state = 'Failed' RETURNING instance, destination",
        (at, failure),
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


def failures(connection: sqlite3.Connection, failure: int | None = None, limit: int = 1000) -> list[Failure]:
    """Dead letters, the newest first."""
    rows = connection.execute(
        "SELECT d.id, d.destination, i.node, d.reason, d.message, d.attempts, d.changed_at, i.received_at, i.size, "
        "i.sop_class_uid, i.sop_instance_uid, i.transfer_syntax_uid, i.study, i.calling_ae_title "
        "FROM deliveries d JOIN instances i ON i.id = d.instance WHERE d.state = 'Failed' AND (?1 IS NULL OR d.id = ?1)"
        " ORDER BY d.changed_at DESC, d.id DESC LIMIT ?2",
        (failure, limit),
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
    return result


def files(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Of every instance its file's name: (id, size)."""
    return {file: (key, size) for key, file, size in connection.execute("SELECT id, file, size FROM instances")}
