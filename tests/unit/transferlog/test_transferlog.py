# SPDX-License-Identifier: Apache-2.0
"""The transfer log: what is kept, what is not, what can be asked."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from dromos_gateway.spool.records import Delivery, Ending, State
from dromos_gateway.transferlog import retention, schema
from dromos_gateway.transferlog.identifiers import Identifiers, read_front
from dromos_gateway.transferlog.questions import Question
from dromos_gateway.transferlog.references import Policy
from dromos_gateway.transferlog.retention import Bounds
from dromos_gateway.transferlog.sealing import Seal
from tests.unit.transferlog.fronts import front
from tests.unit.transferlog.logs import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    NODE,
    NOTHING,
    PLAIN,
    SEAL,
    SHIELDED,
    Log,
    outgoing,
)


def test_a_study_is_found_by_what_came_in_at_every_destination(log: Log) -> None:
    arrived = log.arrive(1)
    log.settle(1, arrived, PLAIN)
    log.settle(2, arrived, SHIELDED, replace(NOTHING, sent=outgoing()))
    for question in ({"accession_number": "A1"}, {"patient_id": "P-1"}, {"study_instance_uid": "1.2.3"}):
        plain, shielded = sorted(log.ask_series(**question), key=lambda each: each.destination)
        assert (plain.destination, plain.delivered, plain.sent["patient_id"]) == (PLAIN, 1, "P-1")
        assert (shielded.destination, shielded.delivered, shielded.sent["patient_id"]) == (SHIELDED, 1, "PSEUDO")
        assert shielded.original["accession_number"] == "A1"
        assert shielded.profile == "demo 1"
    (row,) = log.ask(destination=SHIELDED)
    assert (row.sop_instance_uid, row.original_instance) == ("2.25.3", "9.1")
    assert (row.route.profile, row.route.secret_fingerprint, row.changes) == ("demo 1", "ab12", "sha256:cd")
    assert {row.route.destination for row in log.ask(study_instance_uid="2.25.1")} == {SHIELDED}  # and by what went out


def test_originals_of_what_was_changed_are_nowhere_in_clear(log: Log) -> None:
    secret = {"PatientID": "SECRETPATIENT", "AccessionNumber": "SECRETACC", "StudyInstanceUID": "9.8.7.6.5"}
    log.recorder.policy = Policy(log.seals, frozenset())
    arrived = log.arrive(1, StudyDescription="SECRETTEXT", **secret)
    log.settle(1, arrived, PLAIN, replace(NOTHING, sent=outgoing()))
    log.settle(2, arrived, SHIELDED, Ending(State.Failed, "PseudonymMissing", "", 2000.0))
    log.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (log.folder / "ledger.sqlite").read_bytes()
    for hidden in (*secret.values(), "SECRETTEXT", "9.1\x00"):
        assert hidden.encode() not in content
    assert b"PSEUDO" in content
    assert log.ask_series(patient_id="SECRETPATIENT")[0].original["study_description"] == "SECRETTEXT"


def test_without_a_key_nothing_of_the_originals_is_kept(tmp_path: Path) -> None:
    log = Log(tmp_path, sealed=False)
    arrived = log.arrive(1)
    log.settle(1, arrived, SHIELDED, Ending(State.Failed, "PseudonymMissing", "", 2000.0))
    log.settle(2, arrived, PLAIN)
    failed, delivered = sorted(log.ask(), key=lambda row: row.route.destination, reverse=True)
    assert (failed.route.original, failed.sop_instance_uid, set(failed.route.sent.values())) == (None, "", {""})
    assert (delivered.route.original, delivered.route.sent["patient_id"]) == (None, "P-1")  # it went out just so


@pytest.mark.parametrize("sealed", [True, False])
def test_outgoing_identifiers_can_be_switched_off_too(tmp_path: Path, *, sealed: bool) -> None:
    log = Log(tmp_path, sealed=sealed)
    log.recorder.policy = Policy(log.seals, frozenset(), frozenset({PLAIN, SHIELDED}))
    arrived = log.arrive(1, PatientID="SECRETPATIENT", AccessionNumber="SECRETACC")
    log.settle(1, arrived, PLAIN)
    log.settle(2, arrived, SHIELDED, replace(NOTHING, sent=outgoing()))
    log.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = (log.folder / "ledger.sqlite").read_bytes()
    for hidden in (b"SECRETPATIENT", b"SECRETACC", b"PSEUDO", b"2.25.1", b"2.25.3", b"9.1\x00"):
        assert hidden not in content
    rows = log.ask()
    assert {(row.verdict, row.sop_instance_uid, *row.route.sent.values()) for row in rows} == {
        ("Delivered", *[""] * 11)
    }
    assert {row.route.profile for row in rows} == {"", "demo 1"}
    found = log.ask_series(accession_number="SECRETACC")
    assert [each.original["patient_id"] for each in found] == (["SECRETPATIENT"] * 2 if sealed else [])


def test_another_key_opens_nothing(log: Log) -> None:
    log.settle(1, log.arrive(1), SHIELDED)
    log.recorder.move(log.connection)
    (row,) = log.queries.transfers(Question(), {NODE: Seal(b"other" * 8)}).found
    assert row.route.original is None
    assert (
        log.queries.series(Question(accession_number="A1"), {NODE: Seal(b"other" * 8)}).found != []
    )  # PLAIN has it in clear


def test_what_is_excluded_on_arrival_is_recorded_with_the_rule(log: Log) -> None:
    log.arrive(1, excluded=True, keep=False)
    log.arrive(2, excluded=True, keep=False)
    rows = log.ask(verdict="Excluded")
    assert len(rows) == 4
    assert {(row.reason, row.route.destination) for row in rows} == {
        ("the condition is not met", PLAIN),
        ("the condition is not met", SHIELDED),
    }
    assert [each.ending.state for each in log.settled] == [State.Excluded] * 4
    assert sum(each.excluded for each in log.ask_series(patient_id="P-1")) == 4


def test_a_dead_letter_that_is_replayed_is_one_row_in_the_end(log: Log) -> None:
    arrived = log.arrive(1)
    log.settle(1, arrived, PLAIN, Ending(State.Failed, "Refused", "0xA900: no", 2000.0))
    assert [row.verdict for row in log.ask()] == ["Failed"]
    assert log.ask_series(accession_number="A1")[0].reasons == {"Refused": 1}
    log.recorder.revived(log.connection, Delivery(1, arrived, PLAIN, 0, 0.0, 0.0))
    assert log.ask() == []
    log.settle(1, arrived, PLAIN)
    assert [row.verdict for row in log.ask()] == ["Delivered"]
    log.settle(2, arrived, SHIELDED, Ending(State.Failed, "Refused", "0xA900: no", 2001.0))
    log.recorder.discarded(log.connection, 2, 2002.0)
    (row,) = log.ask(destination=SHIELDED)
    assert (row.verdict, row.reason, row.message) == ("Excluded", "discarded by hand", "Refused; 0xA900: no")


def test_what_is_retried_elsewhere_has_failed_where_it_failed(log: Log) -> None:
    arrived = log.arrive(1)
    there, elsewhere = (Delivery(4096, arrived, key, 0, 0.0, 0.0) for key in (PLAIN, SHIELDED))
    log.settle(4096, arrived, PLAIN, Ending(State.Failed, "Refused", "0xA900: no", 2000.0))
    log.recorder.revived(log.connection, elsewhere)
    log.settle(4096, arrived, SHIELDED, replace(NOTHING, sent=outgoing()))
    assert [(row.route.destination, row.verdict, row.reason, row.message) for row in log.ask()] == [
        (PLAIN, "Failed", "Refused", f"retried to {SHIELDED}; 0xA900: no"),
        (SHIELDED, "Delivered", "", ""),
    ]
    assert {(each.destination, each.delivered, each.failed) for each in log.ask_series(accession_number="A1")} == {
        (PLAIN, 0, 1),
        (SHIELDED, 1, 0),
    }
    log.settle(4096, arrived, SHIELDED, Ending(State.Failed, "Refused", "", 2001.0))
    log.recorder.revived(log.connection, there)
    log.settle(4096, arrived, PLAIN)
    assert [(row.route.destination, row.verdict) for row in log.ask()] == [(SHIELDED, "Failed"), (PLAIN, "Delivered")]


def test_an_instance_is_found_by_what_it_was_called_when_it_came_in(log: Log) -> None:
    for number in (1, 2):
        arrived = log.arrive(number)
        log.settle(number * 10, arrived, PLAIN)
        log.settle(number * 10 + 1, arrived, SHIELDED, replace(NOTHING, sent=outgoing()))
    log.settle(22, arrived, SHIELDED, Ending(State.Failed, "PseudonymMissing", "", 2000.0))
    same = replace(outgoing(), sop_instance_uid="9.2")  # a profile that keeps UIDs
    log.settle(23, arrived, SHIELDED, replace(NOTHING, sent=same))
    log.seals["default/other"] = SEAL  # another ForwardNode with the same key
    assert [row.id for row in log.ask(sop_instance_uid="9.2")] == [23, 22, 21, 20]
    assert [row.id for row in log.ask(sop_instance_uid="9.2", verdict="Failed", accession_number="A1")] == [22]
    assert log.ask(sop_instance_uid="9.3") == []


def test_a_log_from_before_original_instances_were_found_goes_on(log: Log) -> None:
    arrived = log.arrive(1)
    log.settle(1, arrived, SHIELDED)
    log.connection.executescript(
        "DROP INDEX log_transfers_of_original; ALTER TABLE log_transfers DROP COLUMN original_hash; "
        "ALTER TABLE log_recent DROP COLUMN original_hash;"
    )
    schema.prepare(log.connection)
    log.settle(2, arrived, SHIELDED)
    assert [row.id for row in log.ask(sop_instance_uid="9.1")] == [2]
    assert [row.id for row in log.ask()] == [2, 1]


def test_what_is_counted_is_what_there_is(log: Log) -> None:
    """Whatever happens to rows: they come twice, wait again, are given up, grow old."""
    counts = "SELECT route, verdict, reason, count(*), sum(size), max(at) FROM log_transfers GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    for number in range(1, 13):
        arrived = log.arrive(number, excluded=number % 5 == 0, SeriesInstanceUID=f"1.2.{number % 2}")
        state = State.Failed if number % 3 else State.Delivered
        log.settle(number, arrived, PLAIN, Ending(state, "", "", 2000.0 + number))
    log.settle(3, arrived, PLAIN, Ending(State.Failed, "Refused", "", 2100.0))
    log.recorder.revived(log.connection, Delivery(11, arrived, PLAIN, 0, 0.0, 0.0))
    log.recorder.discarded(log.connection, 10, 2200.0)
    log.recorder.move(log.connection)
    retention.remove(log.connection, 2004.0, [Bounds(0.0, 1000)])
    found = log.connection.execute(counts).fetchall()
    assert log.connection.execute("SELECT * FROM log_counts ORDER BY 1, 2, 3").fetchall() == found
    assert {row[1] for row in found} == {"Delivered", "Failed", "Excluded"}


def test_a_log_from_before_rows_were_counted_is_counted_once(log: Log) -> None:
    log.settle(1, log.arrive(1), PLAIN)
    log.connection.executescript(
        "DROP TRIGGER log_counts_delete; DROP TRIGGER log_counts_update; DROP TABLE log_counts; "
        "CREATE TRIGGER log_counts_insert AFTER INSERT ON log_transfers BEGIN SELECT no_such_function(); END; CREATE INDEX log_transfers_route ON log_transfers (route);"
    )
    schema.prepare(log.connection)
    assert [each.delivered for each in log.ask_series(patient_id="P-1")] == [1, 0]
    log.settle(2, log.arrive(2), PLAIN)
    assert [each.delivered for each in log.ask_series(patient_id="P-1")] == [2, 0]
    indexes = {row[0] for row in log.connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "log_transfers_route" not in indexes


def test_rows_of_a_transaction_that_was_rolled_back_are_not_remembered(log: Log) -> None:
    log.connection.execute("BEGIN")
    log.arrive(1)
    log.connection.execute("ROLLBACK")
    log.recorder.rolled_back()
    log.settle(1, log.arrive(1), PLAIN)
    assert len(log.ask(accession_number="A1")) == 1


def test_pages_and_times(log: Log) -> None:
    arrived = log.arrive(1)
    for number in range(1, 8):
        log.settle(number, arrived, PLAIN, replace(NOTHING, at=2000.0 + number // 2))
    first = log.ask(limit=3)
    rest = log.ask(limit=100, before=(first[-1].at, first[-1].id))
    assert [row.id for row in first + rest] == [7, 6, 5, 4, 3, 2, 1]
    assert [row.id for row in log.ask(since=2001.0, until=2002.0)] == [3, 2]


def test_a_page_goes_on_where_the_one_before_ended_whatever_became_of_its_rows(log: Log) -> None:
    for number in range(1, 6):
        ending = Ending(State.Failed if number == 3 else State.Delivered, "", "", 2000.0 + number)
        arrived = log.arrive(number)
        log.settle(number, arrived, PLAIN, ending)
    log.recorder.move(log.connection)
    first = log.queries.transfers(Question(limit=3), log.seals)
    assert [row.id for row in first.found] == [5, 4, 3]
    log.recorder.revived(log.connection, Delivery(3, arrived, PLAIN, 0, 0.0, 0.0))
    rest = Question(limit=3, before=first.following)
    assert [row.id for row in log.queries.transfers(rest, log.seals).found] == [2, 1]
    log.settle(3, arrived, PLAIN, replace(NOTHING, at=3000.0))
    log.recorder.move(log.connection)
    second = log.queries.transfers(rest, log.seals)
    assert ([row.id for row in second.found], second.following) == ([2, 1], None)


@pytest.mark.parametrize(
    ("syntax", "options"), [(EXPLICIT, {}), (IMPLICIT, {"implicit": True}), (BIG, {"little": False})]
)
def test_identifiers_in_every_encoding(syntax: str, options: dict[str, bool]) -> None:
    found = read_front(front(SpecificCharacterSet="ISO_IR 192", StudyDescription="Schädel", **options), syntax)
    assert found == Identifiers("P-1", "A1", "1.2.3", "Schädel", "", "", "1.2.3.4", "", "", "CT")


def test_identifiers_of_deflated_cut_off_and_broken_data() -> None:
    content = front()
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = machine.compress(content + bytes(300_000)) + machine.flush()
    assert read_front(deflated[:100], DEFLATED).patient_id in ("P-1", "")
    assert read_front(deflated, DEFLATED).series_instance_uid == "1.2.3.4"
    assert read_front(content[:40], EXPLICIT).accession_number == "A1"
    for end in range(0, len(content), 7):
        read_front(content[:end], EXPLICIT)
        read_front(content[end:], EXPLICIT)
    assert read_front(front(SpecificCharacterSet="NONSENSE", StudyDescription="x"), EXPLICIT).study_description == "x"


def test_one_absurd_value_hides_no_other_and_the_same_values_are_the_same(tmp_path: Path) -> None:
    content = front(StudyDescription="x" * 2_000_000, SeriesDescription="y" * 10_000)
    found = read_front(content, EXPLICIT)
    assert (found.study_description, found.patient_id, found.series_description) == ("", "P-1", "y" * 256)
    assert read_front(front(), EXPLICIT) is read_front(front(), EXPLICIT)
    assert read_front(front(PatientID="P-2"), EXPLICIT).patient_id == "P-2"


def test_what_lies_behind_the_first_bytes_is_read_from_the_file(tmp_path: Path) -> None:
    content = front(StudyDescription="x" * 60)
    (tmp_path / "object").write_bytes(b"head" + content)
    assert read_front(content[:30], EXPLICIT, tmp_path / "object", 4).series_instance_uid == "1.2.3.4"


def test_nothing_of_a_patient_shows_in_a_repr(log: Log) -> None:
    arrived = log.arrive(1)
    log.settle(1, arrived, PLAIN)
    shown = repr((log.ask(), log.ask_series(patient_id="P-1"), log.settled, read_front(front(), EXPLICIT)))
    for hidden in ("P-1", "A1", "Thorax", "1.2.3", "9.1'"):
        assert hidden not in shown
