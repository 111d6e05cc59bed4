# SPDX-License-Identifier: Apache-2.0
"""`dromos pseudonyms` as people run it: on a folder of manifests, and on a real Redis."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wire.pseudonyms.redisserver import PASSWORD, RedisServer

PROJECT = """\
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {name: study-a}
spec:
  profile: {name: p}
  pseudonyms: {secretKeyRef: {name: ids, key: pseudonyms.csv}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: ids}
stringData: # kept by hand
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    P1,HUG,ONE
"""


def dromos(*words: str | Path, stdin: str = "", terminal: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dromos_gateway.cli", "pseudonyms", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "project.yaml").write_text(PROJECT)
    (manifests / "secret.yaml").write_text(SECRET)
    return manifests


@pytest.fixture(params=["manifests", "redis"])
def where(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> list[str]:
    """Words that name a store of each kind, with one entry."""
    if request.param == "manifests":
        return ["--project", "study-a", str(folder)]
    redis: RedisServer = request.getfixturevalue("redis")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    words = ["--project", "study-a", "--redis", redis.url, "--redis-password-file", str(tmp_path / "password")]
    assert dromos("import", *words, "-", stdin="PatientID,IssuerOfPatientID,Pseudonym\nP1,HUG,ONE\n").returncode == 0
    return words


def listed(where: list[str]) -> list[tuple[str, str, str]]:
    done = dromos("list", *where, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return [tuple(entry.values()) for entry in json.loads(done.stdout)]


def test_import_list_find_delete(where: list[str], tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("made by;hand\nid;who;name\n2;HUG;Zwölf\n3;;DREI\n1;CHUV;EINS\n", "cp1252")
    columns = ["--patient-id-column", "id", "--issuer-column", "who", "--pseudonym-column", "3"]
    done = dromos("import", *where, *columns, "--separator", ";", "--header-line", "2", "--encoding", "cp1252", table)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("imported 3 of 3 into project study-a (")
    assert dromos("list", *where).stdout == (
        "PATIENT ID  ISSUER  PSEUDONYM\n"
        "1           CHUV    EINS\n"
        "2           HUG     Zwölf\n"
        "3                   DREI\n"
        "P1          HUG     ONE\n"
    )
    found = dromos("find", *where, "--pseudonym", "Zwölf", "--format", "json")
    assert json.loads(found.stdout) == [{"patientID": "2", "issuerOfPatientID": "HUG", "pseudonym": "Zwölf"}]
    assert dromos("find", *where, "--patient-id", "1", "--issuer", "CHUV").stdout.splitlines()[1].split() == [
        "1",
        "CHUV",
        "EINS",
    ]
    for words in (["--pseudonym", "zwölf"], ["--patient-id", "1", "--issuer", "HUG"], ["--patient-id", "9"]):
        assert dromos("find", *where, *words).returncode == 1
    exported = dromos("list", *where, "--format", "csv").stdout
    assert dromos("delete", *where, "--patient-id", "P1").returncode == 0
    assert dromos("delete", *where, "--pseudonym", "DREI").returncode == 0
    assert dromos("delete", *where, "--pseudonym", "DREI").returncode == 1
    assert listed(where) == [("1", "CHUV", "EINS"), ("2", "HUG", "Zwölf")]
    again = dromos("import", *where, "-", stdin=exported)
    assert again.stdout.endswith("2 were there already\n"), "what was listed can be imported, twice even"
    assert len(listed(where)) == 4
    assert dromos("delete", *where, "--all").returncode == 0
    assert dromos("list", *where).stdout == "no pseudonyms\n"


def test_duplicates_are_refused_with_line_numbers_all_or_nothing(where: list[str], tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("PatientID,IssuerOfPatientID,Pseudonym\nP2,HUG,TWO\nP1,HUG,SECRET\nP3,HUG,ONE\n")
    done = dromos("import", *where, table)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{table}:3: this patient has another pseudonym already; delete that one first if it shall change\n"
        f"{table}:4: another patient has this pseudonym already\n"
        "dromos pseudonyms: nothing was imported\n"
    )
    table.write_text("PatientID,IssuerOfPatientID,Pseudonym\nP2,HUG,TWO\nP2,HUG,TRI\nP3,,TWO\n")
    done = dromos("import", *where, table)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        f"{table}:3: this patient stands in line 2 already; keep one of them",
        f"{table}:4: this pseudonym stands in line 2 already; each patient needs one of its own",
    ]
    assert listed(where) == [("P1", "HUG", "ONE")]


def test_a_header_with_other_names_says_how_to_choose_columns(where: list[str]) -> None:
    done = dromos("import", *where, "-", stdin="id,who,name\n2,HUG,TWO\n")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "standard input:1: the header has no PatientID and no Pseudonym; it has 3 columns",
        (
            "dromos pseudonyms: nothing was imported; say which columns count: "
            "--patient-id-column, --issuer-column, --pseudonym-column"
        ),
    ]
    assert listed(where) == [("P1", "HUG", "ONE")]


def test_a_patient_id_of_several_issuers_is_not_deleted_by_guess(where: list[str]) -> None:
    assert dromos("import", *where, "-", stdin="PatientID,IssuerOfPatientID,Pseudonym\nP1,CHUV,TWO\n").returncode == 0
    done = dromos("delete", *where, "--patient-id", "P1")
    assert (done.returncode, "choose one with --issuer" in done.stderr) == (2, True)
    assert dromos("delete", *where, "--patient-id", "P1", "--issuer", "CHUV").returncode == 0
    assert listed(where) == [("P1", "HUG", "ONE")]


def test_the_rest_of_a_manifest_stays_and_order_of_words_does_not_matter(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("PatientID,IssuerOfPatientID,Pseudonym\nP2,,TWO\n")
    for words in (
        [folder, table, "--project", "study-a"],
        ["--project", "study-a", folder, table],
        [folder, "--project", "study-a", table],
    ):
        (folder / "secret.yaml").write_text(SECRET)
        done = dromos("import", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert (folder / "secret.yaml").read_text() == SECRET + "    P2,,TWO\n"
        assert (folder / "project.yaml").read_text() == PROJECT


def test_a_project_that_names_redis(redis: RedisServer, folder: Path) -> None:
    store = f"redis: {{url: '{redis.url}', secretRef: {{name: ids}}, ttl: 1h}}"
    (folder / "project.yaml").write_text(PROJECT.replace("secretKeyRef: {name: ids, key: pseudonyms.csv}", store))
    (folder / "secret.yaml").write_text(SECRET.split("  pseudonyms.csv")[0] + f"  password: {PASSWORD}\n")
    done = dromos("import", "--project", "study-a", folder, "-", stdin="PatientID,Pseudonym\nP1,ONE\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert 3500 < redis.client.ttl('dromos:{study-a}:pseudonym:["study-a","","P1"]') <= 3600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--project", "study-b", "{}"], "there is no Project study-b among these manifests; there are: study-a"),
        (["list", "--project", "study-a", "{}/nowhere"], "No such file"),
        (["import", "--project", "study-a"], "name the table"),
        (["import", "--project", "study-a", "{}", "/nowhere.csv"], "/nowhere.csv: No such file"),
        (["find", "--project", "study-a", "{}"], "--patient-id or --pseudonym"),
        (["list", "--project", "study-a", "--redis", "redis://u:hidden-secret@127.0.0.1:1/0"], "127.0.0.1:1: cannot be reached"),
        (["list", "--project", "study-a", "--redis", "http://x"], "redis://HOST:PORT/DATABASE"),
        (["list", "--project", "study-a", "{}", "--redis", "redis://x"], "not both"),
        (["list", "{}"], "--project"),
        (["import", "--project", "study-a", "--separator", ";;", "x"], "one character"),
    ],
)  # fmt: skip
def test_wrong_usage_is_said(folder: Path, words: list[str], said: str) -> None:
    done = dromos(*(word.format(folder) for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "hidden-secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stored_table_that_is_broken_is_refused_by_line(folder: Path) -> None:
    (folder / "secret.yaml").write_text(SECRET + "    SECRET,,ONE\n")
    done = dromos("list", "--project", "study-a", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("the stored table, line 3: this pseudonym stands in line 2 already")
