# SPDX-License-Identifier: Apache-2.0
"""Rows of the transfer log: what they say stays true, and none is lost or there twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dromos_gateway.spool.records import Delivery, Ending, Planned, Sent, State
from dromos_gateway.transferlog import retention
from dromos_gateway.transferlog.recorder import Recorder
from dromos_gateway.transferlog.references import Policy
from dromos_gateway.transferlog.retention import Bounds
from dromos_gateway.transferlog.sealing import Seal
from tests.unit.gateway.records import instance
from tests.unit.transferlog.fronts import front
from tests.unit.transferlog.logs import (
    EXPLICIT,
    NODE,
    NOTHING,
    PLAIN,
    SEAL,
    SHIELDED,
    Log,
    outgoing,
)


@pytest.mark.parametrize("became", [NOTHING, Ending(State.Failed, "Refused", "A900", 2000.0)])
def test_each_row_says_what_was_true_of_it(log: Log, became: Ending) -> None:
    """A series that went out plain, then again when the destination's instances are changed."""
    log.settle(1, log.arrive(1), PLAIN)
    log.recorder.policy = Policy(log.seals, frozenset())
    if became.state is State.Delivered:
        became = replace(became, sent=outgoing())
    log.settle(2, log.arrive(2), PLAIN, became)
    old, new = sorted(log.ask(destination=PLAIN), key=lambda row: row.id)
    assert (old.route.sent["patient_id"], old.route.profile, old.route.secret_fingerprint) == ("P-1", "", "")
    told = (new.route.sent["patient_id"], new.route.profile, new.route.secret_fingerprint)
    assert told == (("PSEUDO", "demo 1", "ab12") if became.sent is not None else ("", "", ""))
    (series,) = log.ask_series(accession_number="A1", destination=PLAIN)
    assert series.delivered + series.failed == 2, "and together they are one series"


def test_old_rows_keep_the_key_that_was_applied_to_them(log: Log) -> None:
    arrived = [log.arrive(number) for number in (1, 2, 3)]
    log.settle(1, arrived[0], SHIELDED, replace(NOTHING, sent=outgoing()))
    beginning = front(PatientID="OTHER", StudyInstanceUID="2.25.7", SeriesInstanceUID="2.25.8")
    rotated = Sent("2.25.9", EXPLICIT, beginning, "demo 2", "cd34", "sha256:ef")
    log.settle(2, arrived[1], SHIELDED, replace(NOTHING, at=2001.0, sent=rotated))
    log.settle(3, arrived[2], SHIELDED, Ending(State.Failed, "PseudonymMissing", "", 2002.0))
    rows = [
        (row.id, row.route.profile, row.route.secret_fingerprint, row.route.sent["patient_id"])
        for row in log.ask(destination=SHIELDED)
    ]
    assert rows == [(3, "", "", ""), (2, "demo 2", "cd34", "OTHER"), (1, "demo 1", "ab12", "PSEUDO")]
    (series,) = log.ask_series(accession_number="A1", destination=SHIELDED)
    assert (series.delivered, series.failed, series.profile, series.sent["patient_id"]) == (2, 1, "demo 2", "OTHER")
    assert {row.id for row in log.ask(patient_id="PSEUDO")} == {1}
    assert [each.delivered for each in log.ask_series(patient_id="PSEUDO", destination=SHIELDED)] == [2]


def test_a_pseudonym_that_changes_is_another_outgoing_patient_too(log: Log) -> None:
    for number, patient in ((1, "FIRST"), (2, "SECOND"), (3, "SECOND")):
        beginning = front(PatientID=patient, StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
        sent = replace(outgoing(), beginning=beginning)
        log.settle(number, log.arrive(number), SHIELDED, replace(NOTHING, sent=sent))
    assert [row.route.sent["patient_id"] for row in log.ask(destination=SHIELDED)] == ["SECOND", "SECOND", "FIRST"]


def test_what_is_settled_after_a_restart_finds_its_series(tmp_path: Path) -> None:
    before = Log(tmp_path)
    arrived = before.arrive(1)
    before.connection.close()
    log = Log(tmp_path)
    log.settle(1, arrived, PLAIN)
    log.settle(2, arrived, SHIELDED, replace(NOTHING, sent=outgoing()))
    plain, shielded = log.ask(accession_number="A1")[::-1]
    assert (plain.route.sent["patient_id"], shielded.route.sent["patient_id"]) == ("P-1", "PSEUDO")
    assert log.connection.execute("SELECT count(*) FROM log_series").fetchone() == (1,)


def test_a_log_in_which_a_series_had_one_route_is_rebuilt(log: Log) -> None:
    log.settle(1, log.arrive(1), PLAIN)
    columns = ", ".join(row[1] for row in log.connection.execute("PRAGMA table_info(log_routes)"))
    made = log.connection.execute("SELECT sql FROM sqlite_master WHERE name = 'log_routes'").fetchone()[0]
    before = made.replace(
        "modality TEXT NOT NULL DEFAULT ''", "modality TEXT NOT NULL DEFAULT '', UNIQUE (series, destination)"
    )
    log.connection.executescript(
        f"ALTER TABLE log_routes RENAME TO now; {before}; INSERT INTO log_routes ({columns}) SELECT {columns} FROM now; "
        "DROP TABLE now;"
    )
    log.recorder = Recorder(log.connection, log.folder)
    log.recorder.policy = Policy(log.seals, frozenset())
    log.settle(2, log.arrive(2), PLAIN, replace(NOTHING, sent=outgoing()))
    assert [row.route.sent["patient_id"] for row in log.ask(destination=PLAIN)] == ["PSEUDO", "P-1"]
    indexes = {row[0] for row in log.connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "log_routes_patient" in indexes


def test_rows_are_moved_many_at_a_time_and_none_is_lost_or_there_twice(log: Log) -> None:
    counted = "SELECT (SELECT count(*) FROM log_recent), (SELECT count(*) FROM log_transfers)"
    arrived = log.arrive(1)
    log.recorder.move(log.connection)
    for number in range(1, 701):
        log.settle(number, arrived, PLAIN, replace(NOTHING, at=2000.0 + number))
    recent, moved = log.connection.execute(counted).fetchone()
    assert 0 < recent < 512 <= moved
    assert len(log.ask(limit=1000)) == 700
    assert log.connection.execute(counted).fetchone() == (0, 700)
    log.settle(7, arrived, PLAIN, Ending(State.Failed, "Refused", "", 3000.0))
    assert [(each.delivered, each.failed) for each in log.ask_series(accession_number="A1", destination=PLAIN)] == [
        (699, 1)
    ]


def test_what_is_tidied_is_forgotten_and_what_is_being_told_stays(log: Log) -> None:
    log.settle(1, log.arrive(1), PLAIN)
    log.recorder.move(log.connection)
    retention.remove(log.connection, 3000.0, [Bounds(0.0, 1000)])
    log.connection.execute("DELETE FROM log_instances")
    log.connection.execute("BEGIN")
    later = replace(instance(2), sop_instance_uid="9.2")
    plan = [Planned(SHIELDED, State.Excluded, "the condition is not met")]
    log.recorder.arrived(log.connection, later, front(SeriesInstanceUID="1.2.9"), plan)
    log.recorder.tidy(log.connection)
    log.recorder.flush(log.connection)
    log.connection.execute("COMMIT")
    assert [row.route.destination for row in log.ask()] == [SHIELDED]
    log.settle(3, log.arrive(3), PLAIN)  # of the first series, whose rows are gone
    assert [row.route.sent["patient_id"] for row in log.ask(destination=PLAIN)] == ["P-1"]


def test_rows_of_a_process_that_ended_are_moved_by_the_next(tmp_path: Path) -> None:
    before = Log(tmp_path)
    arrived = before.arrive(1)
    before.recorder.move(before.connection)
    before.settle(1, arrived, PLAIN)
    before.recorder.discarded(before.connection, 1, 2100.0)
    before.settle(2, arrived, SHIELDED, Ending(State.Failed, "Refused", "", 2000.0))
    before.connection.close()
    log = Log(tmp_path)
    assert [(row.id, row.verdict) for row in log.ask()] == [(1, "Excluded"), (2, "Failed")]


def test_what_is_told_twice_in_one_transaction_is_one_row(log: Log) -> None:
    arrived = log.arrive(1)
    log.recorder.settled(
        log.connection, Delivery(1, arrived, PLAIN, 1, 0.0, 0.0), Ending(State.Failed, "Gone", "", 1.0)
    )
    log.settle(1, arrived, PLAIN)
    assert [row.verdict for row in log.ask()] == ["Delivered"]
    assert [(each.delivered, each.failed) for each in log.ask_series(accession_number="A1", destination=PLAIN)] == [
        (1, 0)
    ]


def test_another_secret_is_another_outgoing_patient(log: Log) -> None:
    log.settle(1, log.arrive(1), SHIELDED, replace(NOTHING, sent=outgoing()))
    beginning = front(PatientID="OTHER", StudyInstanceUID="2.25.7", SeriesInstanceUID="2.25.8")
    later = Sent("2.25.9", EXPLICIT, beginning, "demo 1", "cd34", "sha256:ef")
    log.settle(2, log.arrive(2), SHIELDED, replace(NOTHING, sent=later))
    assert {row.route.secret_fingerprint for row in log.ask(study_instance_uid="2.25.7")} == {"cd34"}


@pytest.mark.parametrize("before", [SEAL, None])
def test_a_series_that_goes_on_under_another_key_is_found_and_read_with_it(log: Log, before: Seal | None) -> None:
    """The first key of a ForwardNode, too."""
    log.recorder.policy = Policy({} if before is None else {NODE: before}, frozenset())
    log.settle(1, log.arrive(1), SHIELDED)
    log.seals = {NODE: Seal(b"another key" * 4)}
    assert log.ask_series(accession_number="A1") == []
    log.recorder.policy = Policy(log.seals, frozenset())
    log.settle(2, log.arrive(2), SHIELDED)
    for name, value in (("patient_id", "P-1"), ("accession_number", "A1"), ("study_instance_uid", "1.2.3")):
        (found,) = [each for each in log.ask_series(**{name: value}) if each.destination == SHIELDED]
        assert (found.delivered, found.original["series_instance_uid"]) == (2, "1.2.3.4")
    assert [row.original_instance for row in log.ask(destination=SHIELDED)] == ["9.2", ""]
    assert [row.id for row in log.ask(sop_instance_uid="9.2")] == [2]
