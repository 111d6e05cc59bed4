# SPDX-License-Identifier: Apache-2.0
"""Shares in the ledger: which wait, which are remembered, which are kept until somebody has looked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from dromos_gateway.spool import shares
from dromos_gateway.spool.records import PlannedShare

KEY = "default/kheops"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(shares.TABLE + "CREATE TABLE counters (destination TEXT PRIMARY KEY, last_error TEXT);")
    yield made
    made.close()


def planned(connection: sqlite3.Connection, series: str, at: float = 0.0) -> int:
    """The number of a share that waits."""
    shares.plan(connection, KEY, [PlannedShare("a", "1.2", series)], at)
    return next(share.id for share in shares.due(connection, at, 10) if share.series == series)


def give_up(connection: sqlite3.Connection, number: int, at: float) -> None:
    share = next(share for share in shares.due(connection, at, 10) if share.id == number)
    shares.fail(connection, share, "no", at)


def test_the_old_ones_that_succeeded_are_forgotten_and_those_that_failed_are_not(
    connection: sqlite3.Connection,
) -> None:
    good, bad = planned(connection, "1.2.1"), planned(connection, "1.2.2")
    shares.done(connection, next(share for share in shares.due(connection, 0, 10) if share.id == good), 1.0)
    give_up(connection, bad, 1.0)
    shares.purge(connection, shares.KEEP + 2.0)
    assert connection.execute("SELECT series, state FROM shares").fetchall() == [("1.2.2", "Failed")]


def test_one_that_failed_waits_again_with_a_new_age(connection: sqlite3.Connection) -> None:
    number = planned(connection, "1.2.1")
    give_up(connection, number, 5.0)
    (failed,) = shares.failed(connection)
    assert (failed.id, failed.message, failed.attempts, failed.failed_at) == (number, "no", 1, 5.0)
    assert shares.failed(connection, number) == [failed]
    assert shares.failed(connection, number + 1) == []
    assert shares.revive(connection, number, 9.0)
    (share,) = shares.due(connection, 9.0, 10)
    assert (share.id, share.attempts, share.since) == (number, 0, 9.0)


def test_only_what_failed_can_be_retried_or_discarded(connection: sqlite3.Connection) -> None:
    number = planned(connection, "1.2.1")
    assert not shares.revive(connection, number, 1.0)
    assert not shares.discard(connection, number)
    give_up(connection, number, 1.0)
    assert shares.discard(connection, number)
    assert not shares.discard(connection, number)
    assert shares.failed(connection) == []


def test_one_that_was_never_decided_is_not_revived(connection: sqlite3.Connection) -> None:
    undecided = PlannedShare("a", "1.2", "1.2.1", "not shared: its condition cannot be evaluated")
    shares.plan(connection, KEY, [undecided], 1.0)
    (failed,) = shares.failed(connection)
    assert failed.attempts == 0
    assert not shares.revive(connection, failed.id, 2.0)
    assert planned(connection, "1.2.1", 3.0) == failed.id, "another instance of the series decides"
    shares.plan(connection, KEY, [undecided], 4.0)
    give_up(connection, failed.id, 5.0)
    shares.plan(connection, KEY, [undecided], 6.0)
    assert [share.message for share in shares.failed(connection)] == ["no"], "it was decided already"
    assert shares.revive(connection, failed.id, 7.0)


def test_one_that_always_fails_lets_the_others_go_first(connection: sqlite3.Connection) -> None:
    bad, good = planned(connection, "1.2.1"), planned(connection, "1.2.2")
    shares.postpone(connection, shares.due(connection, 0.0, 10), 7.0, "no", 1.0)
    assert [share.id for share in shares.due(connection, 7.0, 10)] == [good, bad]
    later = planned(connection, "1.2.3", 8.0)
    assert [share.id for share in shares.due(connection, 8.0, 10)] == [good, bad, later]
    assert [share.id for share in shares.due(connection, 8.0, 1)] == [good]


def test_another_instance_of_the_series_tries_again(connection: sqlite3.Connection) -> None:
    number = planned(connection, "1.2.1")
    give_up(connection, number, 1.0)
    assert planned(connection, "1.2.1", 2.0) == number
