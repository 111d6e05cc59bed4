# SPDX-License-Identifier: Apache-2.0
"""Tables in and out of `dromos pseudonyms`: the options that describe one, and how entries are shown."""

from __future__ import annotations

import argparse
import codecs
import csv
import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dromos_crds.pseudonyms.identity import Entry
from dromos_crds.pseudonyms.table import ISSUER, PATIENT_ID, PSEUDONYM, Layout, Row, read_rows
from dromos_crds.pseudonyms.tablefile import read_lines

FORMATS = ("table", "csv", "json")
_EVERY = 2.0  # seconds between lines of progress where there is no terminal


def add_layout_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare separator, header and columns."""
    group = parser.add_argument_group("table", f"default: {PATIENT_ID},{ISSUER},{PSEUDONYM} in the first line, UTF-8")
    group.add_argument("--separator", metavar="CHARACTER", type=_separator, default=",", help="between cells, or tab")
    group.add_argument(
        "--header-line", metavar="NUMBER", type=_line, default=1, help="line of the header; 0: no header"
    )
    column = "name in the header, or number from 1"
    group.add_argument("--patient-id-column", metavar="COLUMN", default=PATIENT_ID, help=f"Patient ID: {column}")
    group.add_argument("--issuer-column", metavar="COLUMN", help="Issuer of Patient ID; may be missing")
    group.add_argument("--pseudonym-column", metavar="COLUMN", default=PSEUDONYM, help="pseudonym")
    group.add_argument("--encoding", metavar="NAME", type=_encoding, help="for example cp1252, latin-1, utf-16")


def read(arguments: argparse.Namespace) -> list[Row]:
    """The rows of the file that is named. TableRefused, OSError."""
    layout = Layout(
        separator=arguments.separator,
        header_line=arguments.header_line,
        patient_id=arguments.patient_id_column,
        issuer=arguments.issuer_column,
        pseudonym=arguments.pseudonym_column,
    )
    if arguments.file == "-":
        return read_rows(read_lines(sys.stdin.buffer, arguments.encoding), layout)
    with Path(arguments.file).open("rb") as file:
        return read_rows(read_lines(file, arguments.encoding), layout)


def write(entries: Sequence[Entry], shape: str) -> None:
    """Show entries on standard output."""
    cells = [(entry.patient.patient_id, entry.patient.issuer, entry.pseudonym) for entry in entries]
    if shape == "json":
        names = ("patientID", "issuerOfPatientID", "pseudonym")
        json.dump([dict(zip(names, row, strict=True)) for row in cells], sys.stdout, indent=2, ensure_ascii=False)
        print()
    elif shape == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow((PATIENT_ID, ISSUER, PSEUDONYM))
        writer.writerows(cells)
    elif not cells:
        print("no pseudonyms")
    else:
        _print_table([("PATIENT ID", "ISSUER", "PSEUDONYM"), *cells])


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """Cells of a terminal: East Asian letters take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


@contextmanager
def progress(count: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error how many rows have been handed over, where that takes a while."""
    terminal = sys.stderr.isatty()
    shown = time.monotonic()

    def advance(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= (0.2 if terminal else _EVERY):
            shown = now
            text = f"{done} of {count} rows"
            print(f"\r{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    yield advance
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _separator(text: str) -> str:
    text = "\t" if text in ("tab", "\\t") else text
    if len(text) != 1 or text in '"\r\n\0':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character, or tab")
    return text


def _line(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a line")
    return int(text)


def _encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise argparse.ArgumentTypeError(f"{text!r} is no encoding; for example utf-8, cp1252, latin-1") from None
