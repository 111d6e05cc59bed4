# SPDX-License-Identifier: Apache-2.0
"""Instances that were acknowledged because the journal has them, until the ledger has heard of them."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from dromos_gateway.spool.journal import Entry, Record
from dromos_gateway.spool.recording import Front
from dromos_gateway.spool.records import Delivery, Instance, Planned, State

TABLE = "CREATE TABLE IF NOT EXISTS journal (key BLOB NOT NULL, mark INTEGER NOT NULL);"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
_OF_INSTANCE = 12  # facts before those of the destinations


@dataclass(frozen=True, slots=True, eq=False)
class Promise:
    """An instance with its number, where it shall go, and its object."""

    entry: Entry
    instance: Instance
    plan: Sequence[Planned]
    deliveries: tuple[Delivery, ...]
    content: bytearray | None  # None: it lies in its file, which is durable before the record is
    front: Front  # of its data set, for the log
    since: float  # on the loop's clock

    def is_over(self, over: AbstractSet[int]) -> bool:
        """Whether all its deliveries are among those."""
        return all(delivery.id in over for delivery in self.deliveries)


def facts_of(instance: Instance, plan: Sequence[Planned]) -> bytes:
    """All that the rows of an instance would say but its number. ValueError for what no row could say either."""
    facts = (
        instance.file, instance.size, instance.data_set_offset, instance.sop_class_uid, instance.sop_instance_uid,
        instance.transfer_syntax_uid, instance.study, instance.calling_ae_title, instance.called_ae_title,
        instance.peer_host, instance.node, instance.received_at,
        *((item.destination, item.state, item.reason) for item in plan),
    )  # fmt: skip
    return _encode(facts).encode()


def read_facts(record: Record) -> tuple[Instance, tuple[Planned, ...]]:
    """The instance of a record, and where it shall go."""
    facts = json.loads(record.facts)
    plan = tuple(Planned(destination, State(state), reason) for destination, state, reason in facts[_OF_INSTANCE:])
    return Instance(record.number, *facts[:_OF_INSTANCE]), plan


def state(connection: sqlite3.Connection) -> tuple[bytes, int]:
    """The key of this ledger's records, and the number of the last one that it has heard of."""
    row = connection.execute("SELECT key, mark FROM journal").fetchone()
    if row is None:
        row = (os.urandom(16), 0)
        connection.execute("INSERT INTO journal VALUES (?, ?)", row)
    return bytes(row[0]), int(row[1])


def move_mark(connection: sqlite3.Connection, number: int) -> None:
    """Say, inside a transaction, that it says all that the records up to this number say."""
    connection.execute("UPDATE journal SET mark = ? WHERE mark < ?", (number, number))
