# SPDX-License-Identifier: Apache-2.0
"""Tables of pseudonyms: what is read, and what is refused by line number without showing a value."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromos_crds.pseudonyms.csvstore import HEADER, CSVStore
from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_crds.pseudonyms.table import Layout, TableRefused, read_rows
from dromos_crds.pseudonyms.tablefile import read_lines, split_lines

GOOD = f"{HEADER}\nP1,HUG,ONE\nP2,,TWO\n"


def rows(content: bytes | str, layout: Layout | None = None, encoding: str | None = None) -> list[tuple[str, str, str]]:
    raw = content.encode() if isinstance(content, str) else content
    lines = read_lines(io.BufferedReader(io.BytesIO(raw)), encoding)
    found = read_rows(lines, layout or Layout())
    return [(row.entry.patient.patient_id, row.entry.patient.issuer, row.entry.pseudonym) for row in found]


PLAIN = [("P1", "HUG", "ONE"), ("P2", "", "TWO")]


@pytest.mark.parametrize(
    ("content", "layout", "encoding"),
    [
        (GOOD, None, None),
        (GOOD.replace("\n", "\r\n"), None, None),
        (GOOD.rstrip(), None, None),
        (b"\xef\xbb\xbf" + GOOD.encode(), None, None),
        (b"\xef\xbb\xbf" + GOOD.encode(), None, "utf-8"),
        (GOOD.encode("utf-16"), None, None),
        (GOOD.encode("cp1252"), None, "cp1252"),
        (f"{HEADER}\n\n P1 , HUG ,ONE\n,,\n\nP2,,TWO\n", None, None),
        ("Pseudonym,Name,PatientID,IssuerOfPatientID\nONE,x,P1,HUG\nTWO,y,P2,\n", None, None),
        ("made by x\nat y\nid;org;ps\nP1;HUG;ONE\nP2;;TWO\n", Layout(";", 3, "id", "org", "ps"), None),
        ("id;org;ps\nP1;HUG;ONE\nP2;;TWO\n", Layout(";", 1, "1", "2", "3"), None),
        ("P1\tHUG\tONE\nP2\t\tTWO\n", Layout("\t", 0, "1", "2", "3"), None),
        (f"{HEADER}\nP1,HUG,ONE,,\nP2,,TWO,\n", None, None),  # as spreadsheets save them
    ],
)
def test_what_is_read(content: bytes | str, layout: Layout | None, encoding: str | None) -> None:
    assert rows(content, layout, encoding) == PLAIN


def test_quotes_and_line_ends_within_them() -> None:
    text = f'{HEADER}\n"P,1","H ""U"" G",ONE\n"P2","",TWO\nP3,"x\ny",TRI\n'
    with pytest.raises(TableRefused, match="line 4: IssuerOfPatientID has a backslash or a control character"):
        rows(text)
    assert rows(text.replace("x\ny", "xy"))[0] == ("P,1", 'H "U" G', "ONE")


def test_an_issuer_column_may_be_absent() -> None:
    assert rows("PatientID,Pseudonym\nP1,ONE\n") == [("P1", "", "ONE")]
    with pytest.raises(TableRefused, match="no IssuerOfPatientID"):
        rows("PatientID,Pseudonym\nP1,ONE\n", Layout(issuer="IssuerOfPatientID"))


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("", 1, "no header"),
        ("PatientID;IssuerOfPatientID;Pseudonym\nSECRET;;x\n", 1, "is the separator another one?"),
        ("PatientID,Name\nSECRET,x\n", 1, "no Pseudonym"),
        ("PatientID,PatientID,Pseudonym\nSECRET,x,y\n", 1, "twice"),
        (f"{HEADER}\nSECRET,,\n", 2, "Pseudonym is empty"),
        (f"{HEADER}\n,HUG,SECRET\n", 2, "PatientID is empty"),
        (f"{HEADER}\nSECRET,HUG\n", 2, "has 2 cells, Pseudonym is the 3. one"),
        (f"{HEADER}\nSECRET,,x\\y\n", 2, "backslash"),
        (f"{HEADER}\nSECRET,,{'x' * 65}\n", 2, "65 characters, 64"),
        (f"{HEADER}\nA,,x\nSECRET,,y\nB,,z\nSECRET,,w\n", 5, "this patient stands in line 3 already"),
        (f"{HEADER}\nA,,x\nB,,SECRET\nC,,SECRET\n", 4, "this pseudonym stands in line 3 already"),
        (f'{HEADER}\nA,,x\n"SECRET,,y\nB,,z\n', 3, "never closed"),
        (f'{HEADER}\nA,,x\n"SECRET"x,,y\n', 3, "written twice"),
        (f'{HEADER}\n"SECRET{"x" * 200_000}\n', 2, "never closed"),
        (f"{HEADER}\rSECRET,,x\r", 1, "CR alone"),
        (f"{HEADER}\nA,,x\nSEC\0RET,,y\n", 3, "NUL"),
        (f"{HEADER}\nA,,x\n".encode() + "SECRÈT,,y\n".encode("latin-1"), 3, "--encoding"),
        (f"{HEADER}\nA,,x\nSEC, RET,HUG,y\n", 3, "has 4 cells, the table has 3 columns"),
        (f"{HEADER}\nA,,x\nSECRET,,SECRET\n", 3, "is the PatientID itself"),
        (HEADER.encode("utf-16-le"), 1, "NUL"),
        (f"{HEADER}\n" + "x" * (2**20 + 1), 2, "longer than 1 MiB"),
    ],
)
def test_what_is_refused(content: bytes | str, line: int, said: str) -> None:
    with pytest.raises(TableRefused) as refused:
        rows(content)
    problem = refused.value.problems[0]
    assert (problem.line, said in problem.message) == (line, True), problem
    assert "SEC" not in f"{refused.value} {problem}"


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (Layout(pseudonym="PatientID"), "PatientID and Pseudonym are the same column"),
        (Layout(patient_id="1", pseudonym="1"), "PatientID and Pseudonym are the same column"),
        (Layout(issuer="Pseudonym"), "IssuerOfPatientID and Pseudonym are the same column"),
        (Layout(header_line=0, patient_id="2", pseudonym="2"), "PatientID and Pseudonym are the same column"),
        (Layout(header_line=0, patient_id="1", issuer="1", pseudonym="2"), "PatientID and IssuerOfPatientID are"),
    ],
)
def test_a_column_is_one_thing(layout: Layout, said: str) -> None:
    with pytest.raises(TableRefused, match=f"line 1: {said}"):
        rows("PatientID,Pseudonym\nP1,ONE\n", layout)


def test_without_a_header_the_first_record_says_how_many_cells_there_are() -> None:
    with pytest.raises(TableRefused, match="line 2: has 3 cells, the table has 2 columns"):
        rows("P1,ONE\nDoe, Jane,TWO\n", Layout(header_line=0, patient_id="1", pseudonym="2"))


def test_everything_that_is_wrong_is_said_at_once_within_bounds() -> None:
    with pytest.raises(TableRefused) as refused:
        rows(f"{HEADER}\n" + "A,,\n" * 200)
    assert (len(refused.value.problems), refused.value.more) == (50, 150)
    assert "line 2: Pseudonym is empty (and 199 more)" in str(refused.value)


def test_a_store_answers_both_ways() -> None:
    store = CSVStore(GOOD.encode())
    assert store.find(Patient("P1", "HUG")) == "ONE"
    assert store.find(Patient("P1")) is None
    assert store.of_patient_id("P1") == (Entry(Patient("P1", "HUG"), "ONE"),)
    assert store.of_pseudonym("TWO") == Entry(Patient("P2"), "TWO")
    assert store.of_pseudonym("two") is None
    assert len(list(store.entries())) == 2
    assert CSVStore(b"").find(Patient("P1")) is None
    assert "P1" not in repr(next(store.entries()))


def test_editing_leaves_the_other_lines_alone() -> None:
    text = b'Pseudonym,Note,PatientID,IssuerOfPatientID\r\nONE,"a, b",P1,HUG\r\nTWO, x ,P2,'
    store = CSVStore(text)
    more = store.with_entries([Entry(Patient("P,3", "HUG"), "TRI")])
    assert more == text + b'\r\nTRI,,"P,3",HUG\r\n'
    assert CSVStore(more).without({Patient("P1", "HUG")}) == more.replace(b'ONE,"a, b",P1,HUG\r\n', b"")
    assert CSVStore(b"").with_entries([Entry(Patient("P1"), "ONE")]) == f"{HEADER}\nP1,,ONE\n".encode()
    assert store.revision() != CSVStore(more).revision()


cell = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="\\"), min_size=1, max_size=8)


@given(st.dictionaries(st.tuples(cell, cell | st.just("")), cell, max_size=6))
def test_what_is_written_is_read(wanted: dict[tuple[str, str], str]) -> None:
    unique = {pseudonym: patient for patient, pseudonym in wanted.items() if pseudonym != patient[0]}
    entries = [Entry(Patient(*patient), pseudonym) for pseudonym, patient in unique.items()]
    store = CSVStore(CSVStore(b"").with_entries(entries))
    assert list(store.entries()) == entries
    assert [store.find(entry.patient) for entry in entries] == [entry.pseudonym for entry in entries]
    keys = {entry.patient.key("p") for entry in entries}
    assert len(keys) == len(entries)
    assert {Patient.from_key(key) for key in keys} == {entry.patient for entry in entries}


def test_keys_are_unambiguous() -> None:
    assert Patient("123", "456").key("a") == '["a","456","123"]'
    assert len({Patient("1", "23").key("a"), Patient("12", "3").key("a"), Patient("1", "2").key("3a")}) == 3


def test_lines_of_a_text_in_memory() -> None:
    assert list(split_lines(b"a\nb")) == ["a\n", "b"]
    assert next(csv.reader(split_lines(b"a,b\n"))) == ["a", "b"]
