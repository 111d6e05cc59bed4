# SPDX-License-Identifier: Apache-2.0
"""Age and number of rows bound the log: each ForwardNode's for itself, all its Destinations together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dromos_gateway.configuration.settings import Configuration, NodeSettings, TransferLogSettings
from dromos_gateway.spool.records import Ending, State
from dromos_gateway.transferlog import retention
from dromos_gateway.transferlog.retention import STEP, Bounds, bounds
from tests.unit.notifications.reports import DESTINATION
from tests.unit.transferlog.logs import NOTHING, PLAIN, SHIELDED, Log

HOUR, GIB = 3600.0, 2**30
GONE = "default/gone"


def _node(name: str, max_age: float, max_rows: int, spool: int = 20 * GIB) -> NodeSettings:
    kept = TransferLogSettings(max_age, max_rows)
    return NodeSettings(f"default/{name}", name.upper(), (), False, spool, 1, 1.0, None, kept)


def _configuration(*nodes: NodeSettings, **destinations: str) -> Configuration:
    """Destinations and their ForwardNodes."""
    attached = {
        f"default/{name}": replace(DESTINATION, key=f"default/{name}", node=f"default/{node}")
        for name, node in destinations.items()
    }
    return Configuration({node.ae_title: node for node in nodes}, attached, (), "")


def _fill(log: Log, *destinations: str, rows: int = 40) -> None:
    """A row for each second and destination, of every verdict."""
    states = (State.Delivered, State.Failed, State.Excluded)
    arrived = log.arrive(1)
    log.connection.execute("BEGIN")
    for at in range(1, rows + 1):
        for place, destination in enumerate(destinations):
            log.settle(at * 10 + place, arrived, destination, Ending(states[at % 3], "", "", float(at)))
    log.recorder.move(log.connection)
    log.connection.execute("COMMIT")


def _left(log: Log, destination: str) -> list[int]:
    return [int(row.at) for row in log.ask(destination=destination, limit=1000)]


def test_age_and_rows_bound_it_and_what_is_left_over_goes(log: Log) -> None:
    log.connection.execute("BEGIN")
    for number in range(1, 41):
        arrived = log.arrive(number, SeriesInstanceUID=f"1.2.3.{number % 4}")
        log.settle(number, arrived, PLAIN, replace(NOTHING, at=float(number)))
    log.recorder.move(log.connection)
    log.connection.execute("COMMIT")
    assert retention.remove(log.connection, 111.0, [Bounds(100.0, 1000)]) == 10
    assert retention.remove(log.connection, 111.0, [Bounds(100.0, 12)]) == 18
    assert retention.remove(log.connection, 111.0, [Bounds(100.0, 12)]) == 0
    assert [row.id for row in log.ask(limit=1000)] == list(range(40, 28, -1))
    retention.remove(log.connection, 200.0, [Bounds(100.0, 12)])
    retention.tidy(log.connection)
    tables = ("log_transfers", "log_routes", "log_series", "log_instances")
    assert [log.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables] == [0] * 4


def test_one_forwardnode_bounds_all_its_destinations_together(log: Log) -> None:
    """Of whatever verdict, and also one that is there no more."""
    _fill(log, PLAIN, SHIELDED, GONE)
    (wanted,) = bounds(_configuration(_node("radiology", HOUR, 1000), plain="radiology", shielded="radiology"))
    assert retention.remove(log.connection, HOUR + 11.0, [wanted]) == 3 * 10
    assert retention.remove(log.connection, HOUR, [replace(wanted, max_rows=15)]) == 3 * 25
    assert [_left(log, each) for each in (PLAIN, SHIELDED, GONE)] == [[40, 39, 38, 37, 36]] * 3


def test_each_forwardnode_of_a_spool_bounds_its_own_rows(log: Log) -> None:
    """One that keeps them for a shorter time, or fewer of them, costs the other none."""
    _fill(log, PLAIN, SHIELDED)
    short, long = _node("short", HOUR, 1000), _node("long", 720 * HOUR, 1000)
    wanted = bounds(_configuration(short, long, plain="short", shielded="long"))
    assert retention.remove(log.connection, HOUR + 31.0, wanted) == 30
    assert (len(_left(log, PLAIN)), len(_left(log, SHIELDED))) == (10, 40)
    fewer = [replace(each, max_rows=25) for each in wanted]
    assert retention.remove(log.connection, HOUR, fewer) == 15
    assert (_left(log, PLAIN), _left(log, SHIELDED)) == ([*range(40, 30, -1)], [*range(40, 15, -1)])
    assert retention.remove(log.connection, HOUR, fewer) == 0


def test_what_belongs_to_no_forwardnode_goes_by_the_closest_bounds(log: Log) -> None:
    _fill(log, GONE)
    short, long = _node("short", HOUR, 2000), _node("long", 720 * HOUR, 1000)
    wanted = bounds(_configuration(short, long, plain="short", shielded="long"))
    assert wanted[-1] == Bounds(HOUR, 1000)
    assert retention.remove(log.connection, HOUR + 11.0, wanted) == 10


def test_without_a_forwardnode_nothing_goes(log: Log) -> None:
    """Somebody took its manifest away for a moment."""
    _fill(log, PLAIN)
    assert retention.remove(log.connection, 1e9, bounds(_configuration(plain="radiology"))) == 0
    assert len(_left(log, PLAIN)) == 40


def test_one_transaction_removes_so_many_and_no_more(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(log, PLAIN, SHIELDED)
    monkeypatch.setattr(retention, "STEP", 7)
    wanted = [Bounds(0.0, 1, frozenset({PLAIN})), Bounds(0.0, 1, frozenset({SHIELDED}))]
    steps = []
    while step := retention.remove(log.connection, 40.0, wanted):
        steps.append(step)
    assert sum(steps) == 2 * 39
    assert max(steps) == 7 < STEP
    assert (_left(log, PLAIN), _left(log, SHIELDED)) == ([40], [40])


def test_a_small_spool_has_a_small_log() -> None:
    assert retention.most_rows(1_000_000, 20 * GIB) == 1_000_000
    assert retention.most_rows(1_000_000, 64 * 2**20) < 30_000
    small, large = _node("small", HOUR, 1_000_000, 64 * 2**20), _node("large", HOUR, 1_000_000)
    assert [each.max_rows for each in bounds(_configuration(small, large))] == [26214, 1_000_000, 26214]
