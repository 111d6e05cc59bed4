# SPDX-License-Identifier: Apache-2.0
"""However long the log is, no question reads all of it: each goes by an index. (How long each takes: `bench transfers`.)"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.transferlog import schema
from dromos_gateway.transferlog.queries import Queries, Question
from dromos_gateway.transferlog.sealing import Seal

SEALS = {"default/radiology": Seal(b"k" * 32)}
QUESTIONS = [
    Question(),
    Question(patient_id="P"),
    Question(accession_number="A"),
    Question(study_instance_uid="1.2"),
    Question(series_instance_uid="1.2.3"),
    Question(patient_id="P", accession_number="A", destination="default/a", verdict="Delivered"),
    Question(sop_instance_uid="1.2.3.4"),
    Question(destination="default/a"),
    Question(verdict="Failed"),
    Question(destination="default/a", verdict="Excluded"),
    Question(since=1.0, until=2.0),
    Question(destination="default/a", before=7, limit=1000),
]


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    """To a log with a study in it, so that every question is asked to its end."""
    writer = connect(tmp_path / "ledger.sqlite")
    schema.prepare(writer)
    writer.execute(
        "INSERT INTO log_series (id, key, study, node, source, first_at) VALUES (1, 'k', 's', 'default/radiology', 'S', 0)"
    )
    writer.execute(
        "INSERT INTO log_routes (id, series, destination, patient_id, accession_number, study_instance_uid, "
        "series_instance_uid) VALUES (1, 1, 'default/a', 'P', 'A', '1.2', '1.2.3')"
    )
    writer.close()
    return connect_for_reading(tmp_path / "ledger.sqlite")


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_every_question_goes_by_an_index(connection: sqlite3.Connection, question: Question) -> None:
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    queries = Queries(connection)
    list(queries.transfers(question, SEALS))
    if question.identifiers:
        queries.series(question, SEALS)
    connection.set_trace_callback(None)
    assert asked
    for statement in asked:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert steps
        for step in steps:
            # in the order of an index, and no further than the limit
            ordered = "SCAN t USING INDEX log_transfers_at" in step
            assert ordered or not step.startswith("SCAN"), f"{step} in {statement}"
