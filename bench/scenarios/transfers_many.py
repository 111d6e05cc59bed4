# SPDX-License-Identifier: Apache-2.0
"""A transfer log of a million rows that are all of different series, as of X-ray images: 250,000 at four destinations,
half of them of a patient called ANON. Every combination of filters that `dromos transfers` has is asked, as JSON and as
a table. None may take 100 ms. `accepted` is the median of a kind, `delivered` the slowest.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

from bench.rows import Row
from dromos_gateway.admin.transferpages import Incomplete, as_csv, rows_as_json, series_as_json
from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.transferlog import schema
from dromos_gateway.transferlog.queries import Queries
from dromos_gateway.transferlog.questions import Question
from dromos_gateway.transferlog.sealing import Seal

SERIES, DESTINATIONS = 250_000, 4
TIMES = 3
NODE = "imaging/radiology"
SEALS = {NODE: Seal(b"k" * 32)}
_LAST = SERIES - 1
FILTERS: dict[str, Any] = {
    "patient_id": "ANON",
    "accession_number": f"A-{_LAST}",
    "study_instance_uid": f"1.2.{_LAST}",
    "series_instance_uid": f"1.2.{_LAST}.1",
    "sop_instance_uid": f"9.{_LAST}",
    "destination": "imaging/d1",
    "verdict": "Delivered",
    "since": SERIES / 3,
    "until": SERIES * 0.99,  # what is newer is more than a question may be about
}
IDENTIFIERS = tuple(FILTERS)[:4]


def run(home: Path) -> Iterator[Row]:
    """Fill a log, ask it."""
    folder = home / "transfers-many"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _fill(folder / "ledger.sqlite")
    found = 0
    took: dict[str, list[float]] = {"rows": [], "table": [], "series": []}
    for number in range(len(FILTERS) + 1):
        for names in combinations(FILTERS, number):
            question = Question(limit=1000, **{name: FILTERS[name] for name in names})
            for _ in range(TIMES):
                rows = _ask(folder / "ledger.sqlite", question, took)
            found += bool(rows)
    if found < 2 ** len(FILTERS) // 4:
        raise AssertionError(f"{found} questions found something")
    for kind, seconds in took.items():
        middle, slowest = median(seconds), max(seconds)
        said = f"{len(seconds)} questions, median {middle * 1e3:.1f} ms, slowest {slowest * 1e3:.1f} ms"
        print(f"{kind:<8} {said}", file=sys.stderr)
        yield Row("transfers-many", kind, "dromos", "1M", 0, middle, slowest, 0.0, 0.0, len(seconds), 0)
    shutil.rmtree(folder)


def _ask(ledger: Path, question: Question, took: dict[str, list[float]]) -> int:
    """As the admin port does, and from memory of nothing; how many rows were found."""
    connection = connect_for_reading(ledger)
    queries = Queries(connection)
    time.sleep(0.005)  # so that a real-time priority is not throttled
    started = time.perf_counter()
    answer = queries.transfers(question, SEALS)
    rows_as_json(answer)
    took["rows"].append(time.perf_counter() - started)
    started = time.perf_counter()
    with contextlib.suppress(Incomplete):  # said at once
        as_csv(queries.transfers(question, SEALS))
    took["table"].append(time.perf_counter() - started)
    if question.identifiers:
        started = time.perf_counter()
        series_as_json(queries.series(question, SEALS))
        took["series"].append(time.perf_counter() - started)
    connection.close()
    return len(answer.found)


def _fill(ledger: Path) -> None:
    connection = connect(ledger)
    schema.prepare(connection)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    every = [(series, destination) for series in range(1, SERIES + 1) for destination in range(DESTINATIONS)]
    connection.executemany(
        "INSERT INTO log_destinations VALUES (?, ?)", [(each + 1, f"imaging/d{each}") for each in range(DESTINATIONS)]
    )
    connection.executemany(
        "INSERT INTO log_series (id, key, study, node, source, first_at, patient_hash, accession_hash) "
        "VALUES (?, ?, ?, ?, 'CT1', ?, ?, ?)",
        (
            (series, b"%d" % series, b"s%d" % series, NODE, series, b"p%d" % (series % 50_000), b"a%d" % series)
            for series in range(1, SERIES + 1)
        ),
    )
    connection.executemany(
        "INSERT INTO log_routes (id, series, destination, patient_id, accession_number, study_instance_uid, "
        "series_instance_uid) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (series * DESTINATIONS + at, series, f"imaging/d{at}", "ANON" if series % 2 else f"P-{series}",
             f"A-{series}", f"1.2.{series}", f"1.2.{series}.1")
            for series, at in every
        ),
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO log_transfers (id, route, destination, at, received_at, size, sop_class_uid, transfer_syntax_uid, "
        "sop_instance_uid, verdict, reason, message, attempts) VALUES (?, ?, ?, ?, ?, 9, '', '', ?, ?, '', '', 1)",
        (
            (series * DESTINATIONS + at, series * DESTINATIONS + at, at + 1, float(series), float(series),
             f"9.{series}", "Delivered" if series % 1000 else "Failed")
            for series, at in every
        ),
    )  # fmt: skip
    connection.execute("COMMIT")
    schema.count_again(connection)
    connection.close()
