# SPDX-License-Identifier: Apache-2.0
"""However long the log is, and however much of it is alike, a page costs what a page costs. Counted in what SQLite does
for it (instructions of its machine), since times say little on a busy machine. (What they are: `bench transfers`.)
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.transferlog import schema
from dromos_gateway.transferlog.queries import Queries
from dromos_gateway.transferlog.questions import MOST, MOST_SERIES, Question
from dromos_gateway.transferlog.sealing import Seal

NODE = "default/radiology"
SEAL = Seal(b"k" * 32)
SHORT, LONG = 4_000, 40_000  # rows
SERIES = 600  # more than one answer tells of
DESTINATIONS = ("default/busy", "default/quiet")
# what makes pages expensive: almost everything is delivered, of one patient called ANON, to one destination
IDENTIFIERS: tuple[dict[str, str], ...] = (
    {},
    {"patient_id": "ANON"},
    {"patient_id": "P-1"},
    {"study_instance_uid": "1.2.7"},
    {"series_instance_uid": "1.2.7.1"},
    {"patient_id": "came-in-7", "accession_number": "0"},
    {"patient_id": "ANON", "accession_number": "0", "study_instance_uid": "1.2.7", "series_instance_uid": "1.2.7.1"},
)
OTHERS = tuple(
    product(
        ("", "default/quiet"),
        ("", "Delivered", "Failed"),
        ({}, {"sop_instance_uid": "9.130"}),
        ({}, {"since": 100.0, "until": 400.0}, {"before": (375.0, 3000)}),
    )
)


def _fill(folder: Path, rows: int) -> sqlite3.Connection:
    """Rows whose times go up by one in eight, so that many have the same."""
    writer = connect(folder / "ledger.sqlite")
    schema.prepare(writer)
    writer.execute("PRAGMA synchronous = OFF")
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO log_destinations VALUES (?, ?)", enumerate(DESTINATIONS, 1))
    for number in range(SERIES):
        known = (number, b"%d" % number, b"s", NODE, "CT1", 0.0, SEAL.lookup("patient_id", f"came-in-{number}"))
        writer.execute(
            "INSERT INTO log_series (id, key, study, node, source, first_at, patient_hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            known,
        )
        quiet = number % 100 == 7
        writer.execute(
            "INSERT INTO log_routes (id, series, destination, patient_id, accession_number, study_instance_uid, "
            "series_instance_uid) VALUES (?, ?, ?, ?, '0', ?, ?)",
            (number, number, DESTINATIONS[quiet], "P-1" if number == 3 else "ANON", f"1.2.{number}", f"1.2.{number}.1"),
        )
    writer.executemany(
        "INSERT INTO log_transfers (id, route, destination, at, received_at, size, sop_class_uid, transfer_syntax_uid, "
        "sop_instance_uid, verdict, reason, message, attempts) VALUES (?, ?, ?, ?, 0, 9, '', '', ?, ?, '', '', 1)",
        (
            (
                number,
                (route := number % SERIES),
                2 if route % 100 == 7 else 1,
                float(number // 8),
                f"9.{number}",
                "Failed" if number == 147 else "Excluded" if number in (7, 100, 1207) else "Delivered",
            )
            for number in range(rows)
        ),
    )
    writer.execute("COMMIT")
    schema.count_again(writer)
    writer.close()
    return connect_for_reading(folder / "ledger.sqlite")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    return _fill(tmp_path_factory.mktemp("short"), SHORT)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    return _fill(tmp_path_factory.mktemp("long"), LONG)


def _questions(identifiers: dict[str, str]) -> list[Question]:
    return [
        Question(destination=destination, verdict=verdict, limit=50, **identifiers, **instance, **when)  # type: ignore[arg-type]
        for destination, verdict, instance, when in OTHERS
    ]


def _steps(connection: sqlite3.Connection, question: Question) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 250)
    queries = Queries(connection)
    queries.transfers(question, {NODE: SEAL})
    if question.identifiers:
        queries.series(question, {NODE: SEAL})
    connection.set_progress_handler(None, 0)
    return steps * 250


@pytest.mark.parametrize("identifiers", IDENTIFIERS, ids=lambda each: "+".join(each) or "nothing")
def test_a_page_of_a_log_ten_times_as_long_costs_no_more(
    short: sqlite3.Connection, long: sqlite3.Connection, identifiers: dict[str, str]
) -> None:
    for question in _questions(identifiers):
        assert _steps(long, question) <= 1.5 * _steps(short, question) + 10_000, question


@pytest.mark.parametrize("identifiers", IDENTIFIERS, ids=lambda each: "+".join(each) or "nothing")
def test_pages_have_what_was_asked_for_and_all_of_it(short: sqlite3.Connection, identifiers: dict[str, str]) -> None:
    rows = short.execute(
        "SELECT t.id, t.at, t.verdict, t.sop_instance_uid, r.destination, r.patient_id, r.accession_number, "
        "r.study_instance_uid, r.series_instance_uid, r.series FROM log_transfers t JOIN log_routes r ON r.id = t.route "
        "ORDER BY t.at DESC, t.id DESC"
    ).fetchall()
    queries = Queries(short)
    for question in _questions(identifiers):
        expected = [row[0] for row in rows if _fits(row, question)]
        found = [row.id for row in queries.transfers(question, {NODE: SEAL}).found]
        assert found == expected[: question.limit], question


def _fits(row: tuple, question: Question) -> bool:  # type: ignore[type-arg]
    number, at, verdict, instance, destination, patient, accession, study, series, came_in = row
    return (
        question.since <= at < question.until
        and (question.before is None or (at, number) < question.before)
        and question.verdict in ("", verdict)
        and question.sop_instance_uid in ("", instance)
        and question.destination in ("", destination)
        and question.patient_id in ("", patient, f"came-in-{came_in}")
        and question.accession_number in ("", accession)
        and question.study_instance_uid in ("", study)
        and question.series_instance_uid in ("", series)
    )


def test_only_streams_that_may_have_something_are_read(short: sqlite3.Connection) -> None:
    """Of thousands of series with one image each, say, all but a few are too new or too old."""
    question = Question(patient_id="ANON", verdict="Failed", until=17.9)  # its only row is of 18
    asked: list[str] = []
    short.set_trace_callback(asked.append)
    for each in (question, replace(question, until=18.5), replace(question, until=1e9, since=18.5)):
        Queries(short).transfers(each, {NODE: SEAL})
    short.set_trace_callback(None)
    read = [text for text in asked if "FROM log_transfers WHERE route" in text]
    assert len(read) == 1, "when it is asked for; and no row can have the time of a place that is before all of them"


def test_pages_one_after_the_other_have_every_row_once(short: sqlite3.Connection) -> None:
    for question in ({}, {"destination": DESTINATIONS[0]}, {"patient_id": "ANON", "verdict": "Delivered"}):
        queries, seen, before = Queries(short), [], None
        while (page := queries.transfers(Question(**question, before=before, limit=MOST), {})).found:  # type: ignore[arg-type]
            seen += [row.id for row in page.found]
            if (before := page.following) is None:
                break
        assert len(seen) == len(set(seen)) > SHORT * 0.9


def test_what_fits_more_series_than_a_question_may_be_about_says_so(long: sqlite3.Connection) -> None:
    queries = Queries(long)
    found = queries.series(Question(patient_id="ANON"), {})
    assert (len(found.found), found.complete) == (MOST_SERIES, False)
    assert min(each.series for each in found.found) in (SERIES - MOST_SERIES, SERIES - MOST_SERIES - 1), "the newest"
    assert queries.series(Question(patient_id="ANON", study_instance_uid="1.2.7"), {}).complete


def test_no_page_is_sorted(short: sqlite3.Connection) -> None:
    """Nor is a table read that has no index for what is asked."""
    asked: list[str] = []
    short.set_trace_callback(asked.append)
    for question in [each for identifiers in IDENTIFIERS for each in _questions(identifiers)]:
        Queries(short).transfers(question, {NODE: SEAL})
    short.set_trace_callback(None)
    for statement in set(asked):
        for *_, step in short.execute(f"EXPLAIN QUERY PLAN {statement}"):
            ordered = "USING COVERING INDEX log_transfers_at" in step or step == "SCAN log_destinations"
            assert ordered or not step.startswith("SCAN"), f"{step} in {statement}"
            assert "log_transfers" not in statement.split("ORDER BY")[0] or "ORDER BY" not in step, statement
