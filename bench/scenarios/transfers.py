# SPDX-License-Identifier: Apache-2.0
"""Questions to a transfer log of a million rows, every original sealed: each kind asked again and again, from memory of
nothing but what SQLite and the system keep, and answered as the admin port does, in JSON and as CSV. None may take
100 ms. `accepted` is the median, `delivered` the slowest, `cpu` the median of processor time.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from bench.rows import Row
from dromos_gateway.admin.transferpages import as_csv, rows_as_json, series_as_json
from dromos_gateway.spool.records import Delivery, Ending, Instance, Planned, Sent, State
from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.transferlog import schema
from dromos_gateway.transferlog.queries import Queries
from dromos_gateway.transferlog.questions import Question
from dromos_gateway.transferlog.recorder import Recorder
from dromos_gateway.transferlog.references import Policy
from dromos_gateway.transferlog.sealing import Seal

STUDIES, INSTANCES = 5000, 100  # two destinations: a million rows
PATIENTS = 2500
NAMELESS = 10  # of so many studies one is of a patient called ANON
TIMES = 25
NODE, PLAIN, CHANGED = "imaging/radiology", "imaging/archive", "imaging/research"
EXPLICIT, CT = "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"
SEAL = Seal(b"k" * 32)
SEALS = {NODE: SEAL}
NOBODYS = {"nobody", "excluded", "one-of-it"}  # questions of which nothing is found
QUESTIONS = {
    "newest": Question(),
    "newest-1000": Question(limit=1000),
    "patient": Question(patient_id="P-1234"),
    "crowd": Question(patient_id="ANON", limit=1000),
    "crowd-deep": Question(patient_id="ANON", before=(1_030_001.0, 1_000_001), limit=1000),
    "one-of-it": Question(patient_id="ANON", destination=PLAIN, verdict="Failed"),
    "accession": Question(accession_number="A-1234"),
    "study": Question(study_instance_uid="1.2.3.1234"),
    "series": Question(series_instance_uid="1.2.3.1234.4"),
    "outgoing": Question(study_instance_uid="2.25.1234"),
    "outgoing-patient": Question(patient_id="S-1234", limit=1000),
    "sop": Question(sop_instance_uid="2.25.1234.7"),
    "sop-as-it-came-in": Question(sop_instance_uid="1.2.3.1234.4.0"),
    "sop-and-all": Question(
        sop_instance_uid="2.25.1234.7", study_instance_uid="2.25.1234", destination=CHANGED, verdict="Delivered"
    ),
    "failed": Question(verdict="Failed"),
    "failed-since": Question(verdict="Failed", since=2_500_000.0, limit=1000),
    "excluded": Question(verdict="Excluded", destination=PLAIN),
    "at": Question(destination=CHANGED, since=2_000_000.0, until=2_000_600.0),
    "since": Question(since=3_900_000.0, limit=1000),
    "until": Question(until=1_100_000.0, limit=1000),
    "long-ago": Question(since=1_000_000.0, until=1_000_600.0, verdict="Delivered", limit=1000),
    "page": Question(destination=PLAIN, before=(2_500_001.0, 50_000_001), limit=1000),
    "changed": Question(destination=CHANGED, before=(2_500_002.0, 50_010_001), limit=1000),
    "oldest": Question(before=(1_006_001.0, 200_001), limit=1000),
    "delivered": Question(destination=PLAIN, verdict="Delivered", limit=1000),
    "combined": Question(
        patient_id="P-1234", accession_number="A-1234", study_instance_uid="1.2.3.1234",
        series_instance_uid="1.2.3.1234.4", destination=PLAIN, verdict="Delivered", since=1_000_000.0,
    ),
    "nobody": Question(patient_id="nobody"),
}  # fmt: skip


def run(home: Path) -> Iterator[Row]:
    """Fill a log, ask it."""
    folder = home / "transfers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    _fill(folder)
    size = (folder / "ledger.sqlite").stat().st_size
    print(
        f"a log of a million rows takes {size / 1e6:.0f} MB, filled in {time.monotonic() - started:.0f} s",
        file=sys.stderr,
    )
    for name, question in QUESTIONS.items():
        took, worked = [], []
        for _ in range(TIMES):
            queries = Queries(connect_for_reading(folder / "ledger.sqlite"))  # nothing cached from the time before
            for ask in _ways(queries, question):
                time.sleep(0.01)  # so that a real-time priority is not throttled
                begun, before = time.perf_counter(), time.process_time()
                ask()
                took.append(time.perf_counter() - begun)
                worked.append(time.process_time() - before)
        found = len(queries.transfers(question, SEALS).found)
        if bool(found) != (name not in NOBODYS):
            raise AssertionError(f"{name}: {found} rows")
        print(
            f"{name:<10} {found:>5} found, median {median(took) * 1e3:6.1f} ms, slowest {max(took) * 1e3:6.1f} ms, "
            f"processor time {median(worked) * 1e3:6.1f} ms, {max(worked) * 1e3:6.1f} ms",
            file=sys.stderr,
        )
        yield Row("transfers", name, "dromos", "1M", 0, median(took), max(took), median(worked), 0.0, found, size)
    shutil.rmtree(folder)


def _ways(queries: Queries, question: Question) -> Iterator[Callable[[], str]]:
    """How the admin port answers it."""
    yield lambda: rows_as_json(queries.transfers(question, SEALS))
    yield lambda: as_csv(queries.transfers(question, SEALS))[0]
    if question.identifiers:
        yield lambda: series_as_json(queries.series(question, SEALS))


def _fill(folder: Path) -> None:
    """One instance of each series as a gateway records it, then ninety-nine like it."""
    connection = connect(folder / "ledger.sqlite")
    recorder = Recorder(connection, folder)
    recorder.policy = Policy({NODE: SEAL}, frozenset({PLAIN}))
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for study in range(STUDIES):
        at = 1_000_000.0 + study * 600
        instance = Instance(
            study + 1, f"{study}.dcm", 524_288, 0, CT, f"1.2.3.{study}.4.0", EXPLICIT, "", "CT1", "DROMOS", "192.0.2.1",
            NODE, at,
        )  # fmt: skip
        front = _front(study % PATIENTS, study, "P", "A", "1.2.3")
        recorder.arrived(connection, instance, front, [Planned(key, State.Waiting, "") for key in (PLAIN, CHANGED)])
        state = State.Failed if study % 500 == 1 else State.Delivered
        recorder.settled(
            connection, Delivery(study * 20_000 + 1, instance, PLAIN, 1, 0.0, 0.0), Ending(state, "", "", at + 1)
        )
        sent = Sent(
            f"2.25.{study}.0", EXPLICIT, _front(study % PATIENTS, study, "S", "X", "2.25"), "demo 1", "ab12", "cd"
        )
        recorder.settled(
            connection,
            Delivery(study * 20_000 + 10_001, instance, CHANGED, 1, 0.0, 0.0),
            replace(Ending(State.Delivered, "", "", at + 2), sent=sent),
        )
        recorder.flush(connection)
    recorder.move(connection)
    connection.execute(
        "CREATE TEMP TABLE numbers AS "
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99) SELECT i FROM n"
    )
    connection.execute(
        "INSERT INTO log_transfers SELECT t.id + n.i, t.route, t.destination, t.at + n.i * 0.01, t.received_at, "
        "t.size, t.sop_class_uid, t.transfer_syntax_uid, "
        "substr(t.sop_instance_uid, 1, length(t.sop_instance_uid) - 1) || n.i, "
        "t.original, t.verdict, t.reason, t.message, t.attempts, t.changes, "
        "CASE WHEN t.original_hash IS NULL THEN NULL ELSE randomblob(16) END FROM log_transfers t, numbers n"
    )
    connection.execute("DELETE FROM log_instances")
    connection.execute("COMMIT")
    schema.count_again(connection)
    (number,) = connection.execute("SELECT count(*) FROM log_transfers").fetchone()
    if number != STUDIES * INSTANCES * 2:
        raise AssertionError(f"{number} rows")
    connection.close()


def _front(patient: int, study: int, patients: str, accessions: str, root: str) -> bytes:
    data = Dataset()
    data.StudyDate, data.AccessionNumber, data.Modality = "20260131", f"{accessions}-{study}", "CT"
    data.StudyDescription, data.PatientID = "Thorax", f"{patients}-{patient}" if study % NAMELESS else "ANON"
    data.StudyInstanceUID, data.SeriesInstanceUID = f"{root}.{study}", f"{root}.{study}.4"
    data.Rows = 1
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, data)
    return bytes(buffer.getvalue())
