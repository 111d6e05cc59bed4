# SPDX-License-Identifier: Apache-2.0
"""Windows and the outbox: what belongs together, and that it is told whatever happens."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dromos_gateway.notifications import outbox, schema, windows
from dromos_gateway.notifications.content import Outcome, from_json, to_json
from dromos_gateway.spool.records import Ending, State
from dromos_gateway.spool.schema import connect
from dromos_gateway.transferlog.recorder import Recorder, Settled
from tests.unit.gateway.records import instance
from tests.unit.notifications.reports import DESTINATION, KEY, report


@pytest.fixture
def ledger(tmp_path: Path) -> sqlite3.Connection:
    connection = connect(tmp_path / "ledger.sqlite")
    Recorder(connection, tmp_path)
    schema.prepare(connection)
    return connection


def settled(
    at: float, state: State = State.Delivered, *, study: bytes = b"s", reason: str = "", message: str = ""
) -> Settled:
    return Settled(1, study, 1, KEY, instance(1), Ending(state, reason, message, at))


def test_a_window_gathers_what_belongs_to_a_study_and_source(ledger: sqlite3.Connection) -> None:
    ledger.execute(
        "INSERT INTO log_routes (id, series, destination, study_instance_uid) VALUES (1, 1, ?, '1.2')", (KEY,)
    )
    for number in range(5):
        windows.gather(ledger, [settled(100.0 + number)], DESTINATION)
    windows.gather(ledger, [settled(105.0, State.Failed, reason="Refused", message="0xA900: no")], DESTINATION)
    windows.gather(ledger, [settled(106.0, State.Excluded, reason="the condition is not met")], DESTINATION)
    windows.gather(ledger, [settled(106.0, study=b"other")], DESTINATION)
    assert windows.due(ledger, 140.0, {KEY: 45.0}) == []
    one, other = windows.due(ledger, 160.0, {KEY: 45.0})
    found = windows.close(ledger, one, {KEY: "ARCHIVE at pacs:104"})
    assert found is not None
    assert (found.total("sent"), found.total("failed"), found.total("excluded")) == (5, 1, 1)
    assert found.outcome is Outcome.FAILED
    assert found.series[0].reasons == {"Refused: 0xA900: no": 1, "the condition is not met": 1}
    assert windows.close(ledger, one, {}) is None
    assert windows.close(ledger, other, {}) is not None


def test_a_study_from_two_sources_is_two_windows(ledger: sqlite3.Connection) -> None:
    ledger.execute("INSERT INTO log_routes (id, series, destination) VALUES (1, 1, ?)", (KEY,))
    one = settled(100.0)
    other = one._replace(instance=replace(one.instance, calling_ae_title="CT2"))
    windows.gather(ledger, [one, other, one], DESTINATION)
    found = [windows.close(ledger, window, {}) for window in windows.due(ledger, 1000.0, {KEY: 45.0})]
    assert sorted((each.source, each.total("sent")) for each in found if each is not None) == [
        ("CT1", 2),
        ("CT2", 1),
    ]


def test_an_open_window_survives_a_restart(tmp_path: Path) -> None:
    for at in (100.0, 120.0):
        connection = connect(tmp_path / "ledger.sqlite")
        Recorder(connection, tmp_path)
        schema.prepare(connection)
        connection.execute("INSERT OR IGNORE INTO log_routes (id, series, destination) VALUES (1, 1, ?)", (KEY,))
        windows.gather(connection, [settled(at)], DESTINATION)
        assert windows.due(connection, 140.0, {KEY: 45.0}) == []
        connection.close()
    connection = connect(tmp_path / "ledger.sqlite")
    (window,) = windows.due(connection, 150.0, {KEY: 45.0})
    found = windows.close(connection, window, {})
    assert found is not None
    assert (found.first_at, found.last_at, found.total("sent")) == (100.0, 120.0, 2)


def test_what_never_got_a_name_counts_with_the_series_it_belongs_to(ledger: sqlite3.Connection) -> None:
    """At a destination that de-identifies: one route has what was sent, another what was held and never changed, and one
    what the destination got before it did so.
    """
    for route, (series, fingerprint, uid) in enumerate(
        [(1, "ab12", "2.25.1"), (1, "", ""), (2, "", ""), (3, "", "1.2.3")], 1
    ):
        values = (route, series, KEY, fingerprint, uid, uid)
        ledger.execute(
            "INSERT INTO log_routes (id, series, destination, secret_fingerprint, study_instance_uid, "
            "series_instance_uid) VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )
        windows.gather(ledger, [settled(1.0)._replace(route=route)], replace(DESTINATION, changes=True))
    (window,) = windows.due(ledger, 1000.0, {KEY: 45.0})
    found = windows.close(ledger, window, {}, {KEY})
    assert found is not None
    assert [(each.values.get("SeriesInstanceUID"), each.sent) for each in found.series] == [
        ("2.25.1", 2),
        (None, 1),
        (None, 1),
    ]
    assert found.study == {"StudyInstanceUID": "2.25.1"}


def test_more_reasons_than_a_mail_has_room_for_are_others(ledger: sqlite3.Connection) -> None:
    ledger.execute("INSERT INTO log_routes (id, series, destination) VALUES (1, 1, ?)", (KEY,))
    failed = [settled(1.0, State.Failed, reason=f"reason {number}") for number in range(30)]
    windows.gather(ledger, failed[:15], DESTINATION)
    windows.gather(ledger, failed[15:], DESTINATION)
    (window,) = windows.due(ledger, 1000.0, {KEY: 45.0})
    found = windows.close(ledger, window, {})
    assert found is not None
    assert sum(found.series[0].reasons.values()) == found.series[0].failed == 30
    assert found.series[0].reasons["other reasons"] == 10


def test_a_crowded_lane_hides_no_other(ledger: sqlite3.Connection) -> None:
    for _ in range(100):
        outbox.add(ledger, "webhook", report(), "example.org", 10.0)
    outbox.add(ledger, "mail", report(), "example.org", 11.0)
    outbox.add(ledger, "webhook", replace(report(), destination="default/other"), "example.org", 12.0)
    lanes = {("webhook", KEY), ("mail", KEY), ("webhook", "default/other")}
    assert outbox.due(ledger, 20.0).keys() == lanes
    assert outbox.due(ledger, 20.0, {("webhook", KEY)}).keys() == lanes - {("webhook", KEY)}


def test_an_outbox_from_before_recipients_were_kept_is_taken_over(tmp_path: Path) -> None:
    connection = connect(tmp_path / "ledger.sqlite")
    schema.prepare(connection)
    outbox.add(connection, "mail", report(), "example.org", 10.0)
    connection.execute("ALTER TABLE outbox DROP COLUMN recipients")
    schema.prepare(connection)
    ((parcel,),) = outbox.due(connection, 20.0).values()
    assert parcel.recipients is None
    outbox.postpone(connection, parcel.later(20.0, Random(1), ["b@example.org"]))
    ((again,),) = outbox.due(connection, 1000.0).values()
    assert (again.recipients, again.message_id) == (["b@example.org"], parcel.message_id)


def test_a_window_stays_open_while_images_come_but_not_for_ever(ledger: sqlite3.Connection) -> None:
    for second in range(0, 600, 5):
        windows.gather(ledger, [settled(float(second))], DESTINATION)
    assert windows.due(ledger, 100.0, {KEY: 45.0}) == []
    assert len(windows.due(ledger, 450.0, {KEY: 45.0})) == 1


def test_a_peers_words_are_not_repeated_where_something_is_changed(ledger: sqlite3.Connection) -> None:
    ledger.execute("INSERT INTO log_routes (id, series, destination) VALUES (1, 1, ?)", (KEY,))
    failed = settled(1.0, State.Failed, reason="Refused", message="patient DOE^JOHN is locked")
    windows.gather(ledger, [failed], replace(DESTINATION, changes=True))
    (window,) = windows.due(ledger, 1000.0, {KEY: 45.0})
    found = windows.close(ledger, window, {})
    assert found is not None
    assert found.series[0].reasons == {"Refused": 1}
    assert found.outcome is Outcome.FAILED  # and it is told


def test_a_disabled_destination_is_no_news(ledger: sqlite3.Connection) -> None:
    windows.gather(ledger, [settled(1.0, State.Excluded, reason="destination disabled")], DESTINATION)
    assert windows.due(ledger, 1e9, {KEY: 45.0}) == []


def test_the_outbox_keeps_the_message_id_and_backs_off(ledger: sqlite3.Connection) -> None:
    outbox.add(ledger, "mail", report(), "example.org", 10.0)
    ((first,),) = outbox.due(ledger, 10.0).values()
    assert first.message_id.endswith("@example.org>")
    delays = []
    parcel = first
    for _ in range(12):
        later = parcel.later(100.0, Random(1))
        delays.append(later.due - 100.0)
        outbox.postpone(ledger, later)
        assert outbox.due(ledger, 100.0) == {}
        ((parcel,),) = outbox.due(ledger, later.due).values()
        assert parcel.message_id == first.message_id
        assert parcel.report == first.report
    assert delays[0] <= 5.0
    assert 450.0 <= delays[-1] <= 900.0
    outbox.done(ledger, parcel)
    assert outbox.waiting(ledger) == {}


def test_a_report_survives_the_outbox() -> None:
    assert from_json(to_json(report(failed=2))) == report(failed=2)
