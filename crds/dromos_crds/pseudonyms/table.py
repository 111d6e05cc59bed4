# SPDX-License-Identifier: Apache-2.0
"""Tables of pseudonyms: comma-separated values (RFC 4180) with a header, read line by line and refused by line number.

What is wrong is said without the values themselves, which are patient data.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final

from dromos_crds.pseudonyms.identity import Entry, Patient

PATIENT_ID: Final = "PatientID"
ISSUER: Final = "IssuerOfPatientID"
PSEUDONYM: Final = "Pseudonym"
LONGEST_PSEUDONYM = 64  # it becomes Patient's Name and Clinical Trial Subject ID: PN and LO, PS3.5 Table 6.2-1
LONGEST_ID = 1024
MOST_PROBLEMS = 50


@dataclass(frozen=True, slots=True)
class LineProblem:
    """What is wrong in a line; lines count from one."""

    line: int
    message: str


class TableRefused(ValueError):
    """The table cannot be used, as a whole."""

    def __init__(self, problems: Sequence[LineProblem], more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        first = self.problems[0]
        others = len(self.problems) - 1 + more
        super().__init__(f"line {first.line}: {first.message}" + (f" (and {others} more)" if others else ""))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is laid out. A column is a header's name, or its number from one; `issuer` None: optional."""

    separator: str = ","
    header_line: int = 1  # 0: there is none, and columns are numbers
    patient_id: str = PATIENT_ID
    issuer: str | None = None
    pseudonym: str = PSEUDONYM


@dataclass(frozen=True, slots=True)
class Row:
    """An entry and the lines that it stands in, both ends included."""

    first_line: int
    last_line: int
    entry: Entry = field(repr=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions in a record."""

    patient_id: int
    issuer: int | None
    pseudonym: int
    count: int  # 0: not known yet

    def counted(self, record: Sequence[str]) -> Columns:
        """The same, with the cells of a first record where no header has said how many there are."""
        return self if self.count else replace(self, count=len(record))


def read_rows(lines: Iterable[str], layout: Layout) -> list[Row]:
    """All rows of a table. TableRefused, with everything that is wrong, when anything is."""
    problems = _Problems()
    rows: list[Row] = []
    columns = _numbered(layout) if layout.header_line == 0 else None
    for first, last, record in _records(lines, layout.separator, max(layout.header_line - 1, 0)):
        if columns is None:
            columns = read_header(record, layout, first)
        elif any(cell.strip() for cell in record):
            columns = columns.counted(record)
            try:
                rows.append(Row(first, last, _entry(record, columns)))
            except ValueError as error:
                problems.add(first, str(error))
    if columns is None:
        raise TableRefused([LineProblem(max(layout.header_line, 1), f"there is no header; {_wanted(layout)}")])
    problems.refuse()
    refuse_duplicates(rows)
    return rows


def refuse_duplicates(rows: Iterable[Row]) -> None:
    """Each patient once, each pseudonym once. TableRefused."""
    problems = _Problems()
    patients: dict[Patient, int] = {}
    pseudonyms: dict[str, int] = {}
    for row in rows:
        line, entry = row.first_line, row.entry
        if (first := patients.setdefault(entry.patient, line)) != line:
            problems.add(line, f"this patient stands in line {first} already; keep one of them")
        if (first := pseudonyms.setdefault(entry.pseudonym, line)) != line:
            problems.add(line, f"this pseudonym stands in line {first} already; each patient needs one of its own")
    problems.refuse()


def read_header(record: Sequence[str], layout: Layout, line: int) -> Columns:
    """Which column is which. TableRefused."""
    names = [cell.strip() for cell in record]
    found = {name: _position(names, column) for name, column in _named(layout).items()}
    needed = [PATIENT_ID, PSEUDONYM] if layout.issuer is None else [PATIENT_ID, ISSUER, PSEUDONYM]
    positions = {name: position for name, position in found.items() if position is not None}
    if missing := [name for name in needed if name not in positions]:
        hint = "is the separator another one?" if len(names) == 1 else f"it has {len(names)} columns"
        raise TableRefused([LineProblem(line, f"the header has no {' and no '.join(missing)}; {hint}")])
    doubled = sorted({name for name in names if name and names.count(name) > 1} & set(_named(layout).values()))
    if doubled:
        raise TableRefused([LineProblem(line, f"the header has {', '.join(doubled)} twice; rename one")])
    return _apart(Columns(positions[PATIENT_ID], positions.get(ISSUER), positions[PSEUDONYM], len(names)), line)


def _named(layout: Layout) -> dict[str, str]:
    return {PATIENT_ID: layout.patient_id, ISSUER: layout.issuer or ISSUER, PSEUDONYM: layout.pseudonym}


def _position(names: Sequence[str], column: str) -> int | None:
    if column in names:
        return names.index(column)
    if column.isascii() and column.isdigit() and 1 <= int(column) <= len(names):
        return int(column) - 1
    return None


def _numbered(layout: Layout) -> Columns:
    numbers = [layout.patient_id, layout.pseudonym, layout.issuer or "1"]
    if not all(number.isascii() and number.isdigit() and int(number) > 0 for number in numbers):
        raise TableRefused([LineProblem(1, "without a header, columns are numbers from 1")])
    issuer = int(layout.issuer) - 1 if layout.issuer else None
    return _apart(Columns(int(layout.patient_id) - 1, issuer, int(layout.pseudonym) - 1, 0), 1)


def _apart(columns: Columns, line: int) -> Columns:
    """Each of another column: Patient IDs would go out as pseudonyms."""
    chosen = {PATIENT_ID: columns.patient_id, ISSUER: columns.issuer, PSEUDONYM: columns.pseudonym}
    for name, other in combinations([name for name, position in chosen.items() if position is not None], 2):
        if chosen[name] == chosen[other]:
            raise TableRefused([LineProblem(line, f"{name} and {other} are the same column; choose another for one")])
    return columns


def _wanted(layout: Layout) -> str:
    return f"it is {layout.separator.join(_named(layout).values())}"


def _entry(record: Sequence[str], columns: Columns) -> Entry:
    if any(cell.strip() for cell in record[columns.count :]):
        # a comma in a name that isn't quoted moves every cell behind it: a pseudonym would be another column's
        raise ValueError(f"has {len(record)} cells, the table has {columns.count} columns; quote separators in cells")
    patient_id = _cell(record, columns.patient_id, PATIENT_ID, LONGEST_ID)
    issuer = "" if columns.issuer is None else _cell(record, columns.issuer, ISSUER, LONGEST_ID, needed=False)
    pseudonym = _cell(record, columns.pseudonym, PSEUDONYM, LONGEST_PSEUDONYM)
    if pseudonym == patient_id:
        raise ValueError(
            f"{PSEUDONYM} is the {PATIENT_ID} itself, and would go out; pseudonym.tag takes it where it may"
        )
    return Entry(Patient(patient_id, issuer), pseudonym)


def _cell(record: Sequence[str], position: int, name: str, longest: int, *, needed: bool = True) -> str:
    if position >= len(record):
        raise ValueError(f"has {len(record)} cells, {name} is the {position + 1}. one")
    text = record[position].strip()  # PS3.5 §6.2: spaces around it do not count
    if needed and not text:
        raise ValueError(f"{name} is empty")
    if len(text) > longest:
        raise ValueError(f"{name} has {len(text)} characters, {longest} are allowed")
    if "\\" in text or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"{name} has a backslash or a control character, which DICOM does not allow there")
    return text


def _records(lines: Iterable[str], separator: str, skipped: int) -> Iterator[tuple[int, int, list[str]]]:
    """Records with their first and last line."""
    numbered = iter(lines)
    for _ in range(skipped):
        next(numbered, None)
    reader = csv.reader(numbered, delimiter=separator, strict=True)
    while True:
        first = skipped + reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableRefused([LineProblem(first, _said(str(error)))]) from None
        yield first, skipped + reader.line_num, record


def _said(error: str) -> str:
    if "end of data" in error or "field limit" in error:
        return "a quote that opens in this record is never closed"
    if "expected after" in error:
        return "text follows a closing quote; a quote within quotes is written twice"
    if "new-line" in error:
        return "the line ends with CR alone; save the file with LF or CR LF"
    return f"not a table: {error}"


class _Problems:
    """Gathers what is wrong, the first ones of it in full."""

    def __init__(self) -> None:
        self._first: list[LineProblem] = []
        self._more = 0

    def add(self, line: int, message: str) -> None:
        if len(self._first) < MOST_PROBLEMS:
            self._first.append(LineProblem(line, message))
        else:
            self._more += 1

    def refuse(self) -> None:
        if self._first:
            raise TableRefused(self._first, self._more)
