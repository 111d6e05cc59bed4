# SPDX-License-Identifier: Apache-2.0
"""What became of a study, as `dromos transfers` tells it of a running gateway."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from dromos_gateway.spool.records import Planned, State
from dromos_gateway.spool.schema import connect
from dromos_gateway.transferlog.recorder import Recorder
from tests.unit.gateway.records import instance
from tests.unit.transferlog.fronts import front
from tests.wire.gateway.peers import GatewayProcess, eventually, free_port, make_study, storescu, successes
from tests.wire.gateway.test_projects import KEY as PROJECT_KEY
from tests.wire.gateway.test_projects import PROJECT, STORED, pseudonyms

KEY = "apiVersion: v1\nkind: Secret\nmetadata: {name: log}\nstringData: {key: 0123456789abcdef0123456789abcdef}\n"


def transfers(gateway: GatewayProcess, *words: str, code: int = 0) -> str:
    command = [Path(sys.executable).parent / "dromos", "transfers", "--admin", f"127.0.0.1:{gateway.admin}", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def on_terminal(gateway: GatewayProcess, columns: int, *words: str) -> list[str]:
    """What somebody sees whose terminal is so wide."""
    ours, theirs = pty.openpty()
    command = [Path(sys.executable).parent / "dromos", "transfers", "--admin", f"127.0.0.1:{gateway.admin}", *words]
    environment = {**os.environ, "COLUMNS": str(columns)}
    with subprocess.Popen(command, stdout=theirs, env=environment) as process, contextlib.suppress(OSError):
        os.close(theirs)
        seen = b""
        while block := os.read(ours, 65536):  # it ends with an error
            seen += block
    os.close(ours)
    assert process.returncode == 0, seen
    return seen.decode().splitlines()


def _study(folder: Path, count: int, **elements: str) -> Path:
    make_study(folder, count)
    for path in folder.iterdir():
        dataset = dcmread(path)
        for keyword, value in {"AccessionNumber": "A1", "StudyDescription": "Thorax", **elements}.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    return folder


def test_one_screen_tells_what_became_of_a_study_at_every_destination(gateway, receiver, tmp_path):
    up, down, never = receiver("up").start(), receiver("down"), receiver("never").start()
    gateway.write("key", KEY)
    gateway.node("transferLog: {key: {secretKeyRef: {name: log, key: key}}}")
    gateway.destination("up", up.port)
    gateway.destination("down", down.port)
    gateway.destination("never", never.port, "condition: tagValueIsPresent(#Tag.Modality, 'MR')")
    gateway.destination("closed", never.port, "enabled: false")
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 4))
    storescu(gateway.port, _study(tmp_path / "other", 2, AccessionNumber="A2"))
    up.has(6)
    eventually(lambda: gateway.queue("up")["delivered"] == 6, "the ledger knows")
    screen = transfers(gateway, "--accession", "A1")
    lines = {line.split()[0]: line.split() for line in screen.splitlines() if line.startswith("default/")}
    assert lines["default/up"][1:5] == ["4", "0", "0", "0"]
    assert lines["default/down"][1:5] == ["0", "0", "0", "4"]
    assert lines["default/never"][1:5] == ["0", "4", "0", "0"]
    assert "4 x the condition is not met" in screen
    assert "4 x destination disabled" in screen
    assert "Thorax" in screen
    (waits,) = (line for line in screen.splitlines() if line.startswith("default/down"))
    assert "waiting: 127.0.0.1:" in waits, "and why"
    assert len(screen.splitlines()) < 24
    narrow = on_terminal(gateway, 80, "--accession", "A1")
    assert [line for line in narrow if len(line) > 80] == []
    assert "4 x the condition is not met" in " ".join(" ".join(narrow).split())
    assert "default/down" not in transfers(gateway, "--accession", "A1", "--destination", "up")
    assert "no such transfers" in transfers(gateway, "--accession", "A1", "--verdict", "Failed", code=1)
    assert json.loads(transfers(gateway, "--patient", "T-1", "--format", "json"))[0]["original"]["PatientID"] == "T-1"
    assert transfers(gateway, "--accession", "A3", code=1)
    gateway.kill()
    gateway.start()
    down.start()
    down.has(6)
    eventually(lambda: gateway.queue("down")["delivered"] == 6, "the ledger knows")
    (line,) = [line for line in transfers(gateway, "--accession", "A1").splitlines() if line.startswith("default/down")]
    assert line.split()[1:5] == ["4", "0", "0", "0"]


def _deidentifying(gateway, receiver):
    """The receiver of a gateway whose log is sealed."""
    a = receiver("a").start()
    gateway.write("key", KEY)
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.node("transferLog: {key: {secretKeyRef: {name: log, key: key}}}")
    gateway.destination("a", a.port, STORED)
    gateway.start()
    return a


def test_a_deidentified_study_is_found_by_what_came_in_and_nothing_of_it_is_in_clear(gateway, receiver, tmp_path):
    a = _deidentifying(gateway, receiver)
    storescu(gateway.port, _study(tmp_path / "study", 3, AccessionNumber="SECRETACC"))
    a.has(3)
    eventually(lambda: gateway.queue("a")["delivered"] == 3, "the ledger knows")
    (series,) = json.loads(transfers(gateway, "--accession", "SECRETACC", "--format", "json"))
    outgoing = next(dcmread(path) for path in a.folder.iterdir())
    assert series["delivered"] == 3
    assert series["original"]["AccessionNumber"] == "SECRETACC"
    assert series["sent"]["PatientID"] == outgoing.PatientID != "T-1"
    assert series["profile"] == "basic 1"
    assert f"sent as patient {outgoing.PatientID}" in transfers(gateway, "--accession", "SECRETACC")
    rows = json.loads(transfers(gateway, "--study", outgoing.StudyInstanceUID, "--rows", "--format", "json"))
    assert {row["sent"]["SOPInstanceUID"] for row in rows} == {
        dcmread(path).SOPInstanceUID for path in a.folder.iterdir()
    }
    gateway.terminate()
    held = b"".join(path.read_bytes() for path in gateway.spool.glob("ledger.sqlite*"))
    assert b"SECRETACC" not in held
    assert "SECRETACC" not in gateway.log()


def test_a_study_that_goes_on_after_the_logs_key_was_rotated_is_found_by_what_came_in(gateway, receiver, tmp_path):
    _deidentifying(gateway, receiver)
    storescu(gateway.port, _study(tmp_path / "study", 2))
    eventually(lambda: gateway.queue("a")["delivered"] == 2, "the ledger knows")
    gateway.write("key", KEY.replace("0123456789abcdef", "another-key-of-it"))
    gateway.applied()
    transfers(gateway, "--accession", "A1", code=1)
    storescu(gateway.port, tmp_path / "study")
    eventually(lambda: gateway.queue("a")["delivered"] == 4, "the ledger knows")
    (series,) = json.loads(transfers(gateway, "--accession", "A1", "--format", "json"))
    assert (series["delivered"], series["original"]["PatientID"]) == (4, "T-1")


def test_rows_keep_the_key_that_was_applied_to_them_when_it_is_rotated(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 2))
    a.has(2)
    eventually(lambda: gateway.queue("a")["delivered"] == 2, "the ledger knows")
    before = json.loads(transfers(gateway, "--destination", "a", "--format", "json"))
    gateway.write("project", PROJECT.replace(PROJECT_KEY, PROJECT_KEY[::-1]))
    gateway.applied()
    storescu(gateway.port, tmp_path / "study")
    a.has(4)
    eventually(lambda: gateway.queue("a")["delivered"] == 4, "the ledger knows")
    rows = json.loads(transfers(gateway, "--destination", "a", "--format", "json"))
    assert rows[2:] == before, "nothing of the old ones is another"
    new, old = rows[0], rows[2]
    assert new["secretFingerprint"] != old["secretFingerprint"]
    assert new["sent"]["StudyInstanceUID"] != old["sent"]["StudyInstanceUID"]


def test_an_images_words_stay_in_their_line_and_do_not_move_the_cursor(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    storescu(
        gateway.port,
        _study(tmp_path / "study", 2, StudyDescription="x\x1b[2J", SeriesDescription="a\x1b]0;b\x07 long" * 9),
    )
    eventually(lambda: gateway.queue("a")["delivered"] == 2, "the ledger knows")
    for words in (("--accession", "A1"), ("--accession", "A1", "--rows")):
        screen = transfers(gateway, *words)
        assert not {character for character in screen if not character.isprintable()} - {"\n"}
    assert transfers(gateway, "--accession", "A1").count("\n") < 9


def test_rows_and_a_harmless_csv(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 3, StudyDescription="=cmd|'/c calc'!A1", PatientID="@SUM(1)"))
    a.has(3)
    eventually(lambda: gateway.queue("a")["delivered"] == 3, "the ledger knows")
    rows = list(csv.DictReader(io.StringIO(transfers(gateway, "--destination", "a", "--format", "csv"))))
    assert len(rows) == 3
    assert {row["StudyDescription"] for row in rows} == {"'=cmd|'/c calc'!A1"}
    assert {row["PatientID"] for row in rows} == {"'@SUM(1)"}
    assert {(row["verdict"], row["source"], row["destination"]) for row in rows} == {
        ("Delivered", "STORESCU", "default/a")
    }
    pages = [gateway.get("/v1/transfers?limit=2")]
    pages.append(gateway.get(f"/v1/transfers?limit=2&before={pages[0]['next']}"))
    assert [len(page["transfers"]) for page in pages] == [2, 1]
    assert pages[1]["next"] is None
    assert len({row["id"] for page in pages for row in page["transfers"]}) == 3
    table = transfers(gateway, "--verdict", "Delivered", "--limit", "2")
    assert len(table.splitlines()) == 3
    assert "no such transfers" in transfers(gateway, "--verdict", "Failed", code=1)
    assert transfers(gateway, "--accession", "", "--format", "csv", code=1) == "", "an empty word is not no filter"
    for nonsense in ("nonsense=1", "limit=0", "limit=1_0", "limit=%D9%A1", "before=x", "since=soon", "verdict=failed"):
        assert gateway.get(f"/v1/transfers?{nonsense}") == 400, nonsense
    assert gateway.get("/v1/studies?accession=A1&verdict=Failed") == 400, "not an answer to another question"


def test_a_dead_letter_is_in_the_log_and_what_becomes_of_it(gateway, receiver, tmp_path):
    tolerant = receiver("tolerant").start()
    gateway.destination("a", tolerant.port, "condition: \"'CT'.substring(3) == ''\"")
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 2))
    eventually(lambda: gateway.queue("a")["failed"] == 2, "they are dead letters")
    assert "2 x ConditionFailed" in transfers(gateway, "--accession", "A1")
    gateway.destination("a", tolerant.port)
    gateway.applied()
    one, other = (item["id"] for item in gateway.get("/v1/failures")["failures"])
    gateway.get(f"/v1/failures/{one}/retry", method="POST")
    gateway.get(f"/v1/failures/{other}", method="DELETE")
    tolerant.has(1)
    eventually(lambda: gateway.queue("a")["delivered"] == 1, "the ledger knows")
    (line,) = [line for line in transfers(gateway, "--accession", "A1").splitlines() if line.startswith("default/a")]
    assert line.split()[1:5] == ["1", "1", "0", "0"]
    assert line.endswith("1 x discarded by hand")


def test_with_both_kinds_of_identifiers_off_nothing_of_a_study_is_kept(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("key", KEY)
    off = "originalIdentifiers: 'Off', outgoingIdentifiers: 'Off'"
    gateway.node(f"transferLog: {{{off}, key: {{secretKeyRef: {{name: log, key: key}}}}}}")
    gateway.destination("a", a.port)
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 3, AccessionNumber="SECRETACC", PatientID="SECRETPID"))
    a.has(3)
    eventually(lambda: gateway.queue("a")["delivered"] == 3, "the ledger knows")
    transfers(gateway, "--accession", "SECRETACC", code=1)
    rows = json.loads(transfers(gateway, "--destination", "a", "--format", "json"))
    assert [(row["verdict"], row["sent"], row["original"]) for row in rows] == [("Delivered", {}, None)] * 3
    gateway.terminate()
    held = b"".join(path.read_bytes() for path in gateway.spool.glob("ledger.sqlite*"))
    assert b"SECRETACC" not in held
    assert b"SECRETPID" not in held


def _fill(folder: Path, rows: int) -> None:
    """A log in which there is much, as the recorder writes it; many rows have the same time."""
    folder.mkdir(parents=True)
    with contextlib.closing(connect(folder / "ledger.sqlite")) as ledger:
        recorder = Recorder(ledger, folder)
        plan = [Planned("default/a", State.Excluded, "the condition is not met")]
        now = float(int(time.time()))
        for number in range(rows):
            recorder.arrived(ledger, replace(instance(0), received_at=now - number // 7), front(), plan)
        recorder.flush(ledger)


def test_more_rows_than_a_page_has_are_there_and_what_is_not_shown_is_said(gateway):
    _fill(gateway.spool, 2100)
    gateway.destination("a", free_port())
    gateway.start()
    command = [Path(sys.executable).parent / "dromos", "transfers", "--admin", f"127.0.0.1:{gateway.admin}"]

    def ask(*words: str) -> tuple[list[str], bool]:
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=True)
        if "csv" in words:
            numbers = [row["id"] for row in csv.DictReader(io.StringIO(done.stdout))]
        else:
            numbers = [str(row["id"]) for row in json.loads(done.stdout)]
        assert len(numbers) == len(set(numbers))
        return numbers, "there are older rows too" in done.stderr

    every, more = ask("--format", "json", "--limit", "9000")
    assert (len(every), more) == (2100, False)
    for form in ("json", "csv"):
        assert ask("--format", form) == (every[:100], True)
        assert ask("--format", form, "--limit", "2050") == (every[:2050], True)
        assert ask("--format", form, "--limit", "2100") == (every, False)


@pytest.mark.parametrize("table", ["log_routes", "log_transfers"])
def test_a_damaged_log_says_so_and_no_image_is_lost(gateway, receiver, tmp_path, table):
    _fill(gateway.spool, 600)
    with contextlib.closing(sqlite3.connect(gateway.spool / "ledger.sqlite")) as ledger:
        (page,) = ledger.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = ledger.execute("PRAGMA page_size").fetchone()
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (gateway.spool / "ledger.sqlite").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    acknowledged = successes(storescu(gateway.port, _study(tmp_path / "study", 2), check=False))
    command = [Path(sys.executable).parent / "dromos", "transfers", "--admin", f"127.0.0.1:{gateway.admin}"]
    done = subprocess.run([*command, "--since", "2020-01-01"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the gateway's ledger cannot be read: database disk image is malformed" in done.stderr
    if acknowledged:
        a.has(acknowledged)
    assert "Traceback" not in gateway.log()
