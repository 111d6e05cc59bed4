# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms in a CSV text, as a mounted Secret holds it, and that text with entries added or removed."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Sequence

from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_crds.pseudonyms.table import (
    ISSUER,
    PATIENT_ID,
    PSEUDONYM,
    Layout,
    Row,
    read_header,
    read_rows,
)
from dromos_crds.pseudonyms.tablefile import split_lines

HEADER = f"{PATIENT_ID},{ISSUER},{PSEUDONYM}"
_LAYOUT = Layout()


class CSVStore:
    """The entries of one text; frozen, because a changed text is another store. TableRefused when it is not usable."""

    def __init__(self, content: bytes) -> None:
        self._revision = hashlib.sha256(content).hexdigest()
        self._lines = list(split_lines(content))
        empty = not any(line.strip() for line in self._lines)
        self._rows: Sequence[Row] = () if empty else read_rows(self._lines, _LAYOUT)
        self._entries = {row.entry.patient: row.entry for row in self._rows}
        self._by_pseudonym = {row.entry.pseudonym: row.entry for row in self._rows}
        self._by_patient_id: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            self._by_patient_id.setdefault(entry.patient.patient_id, []).append(entry)

    def find(self, patient: Patient) -> str | None:
        """The pseudonym of exactly this patient."""
        entry = self._entries.get(patient)
        return None if entry is None else entry.pseudonym

    def of_patient_id(self, patient_id: str) -> tuple[Entry, ...]:
        """All entries of a Patient ID."""
        return tuple(self._by_patient_id.get(patient_id, ()))

    def of_pseudonym(self, pseudonym: str) -> Entry | None:
        """The reverse look-up."""
        return self._by_pseudonym.get(pseudonym)

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order of the text."""
        yield from self._entries.values()

    def revision(self) -> str:
        """The hash of the text."""
        return self._revision

    def with_entries(self, entries: Sequence[Entry]) -> bytes:
        """The text with these added at its end; every other line stays as it is."""
        lines = list(self._lines) if self._rows or any(line.strip() for line in self._lines) else [f"{HEADER}\n"]
        end = "\r\n" if lines[0].endswith("\r\n") else "\n"
        if not lines[-1].endswith("\n"):
            lines[-1] += end
        header = next(csv.reader(lines))
        columns = read_header(header, _LAYOUT, 1)
        added = io.StringIO()
        writer = csv.writer(added, lineterminator=end)
        for entry in entries:
            record = [""] * columns.count
            record[columns.patient_id], record[columns.pseudonym] = entry.patient.patient_id, entry.pseudonym
            if columns.issuer is not None:
                record[columns.issuer] = entry.patient.issuer
            elif entry.patient.issuer:
                raise ValueError(f"the stored table has no column {ISSUER}; add one to its header")
            writer.writerow(record)
        return ("".join(lines) + added.getvalue()).encode()

    def without(self, patients: Collection[Patient]) -> bytes:
        """The text without these; every other line stays as it is."""
        dropped = {
            line
            for row in self._rows
            if row.entry.patient in patients
            for line in range(row.first_line, row.last_line + 1)
        }
        return "".join(line for number, line in enumerate(self._lines, 1) if number not in dropped).encode()
