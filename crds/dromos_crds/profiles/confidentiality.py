# SPDX-License-Identifier: Apache-2.0
"""Table E.1-1 of PS3.15: what the basic profile and its ten options do with an attribute.

``confidentiality.csv`` is the table: a row for each attribute, a column for the basic profile and for each option.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

_COLUMNS_BEFORE = 3  # tag, name, in_standard_iod


class Option(StrEnum):
    """The options of PS3.15 E.3, as arguments of `basic.dicom.profile`, in the order of the table's columns."""

    RETAIN_UIDS = "retainUIDs"
    RETAIN_DEVICE = "retainDevice"
    RETAIN_INSTITUTION = "retainInstitution"
    RETAIN_PATIENT_CHARACTERISTICS = "retainPatientCharacteristics"
    RETAIN_FULL_DATES = "retainFullDates"
    RETAIN_MODIFIED_DATES = "retainModifiedDates"
    CLEAN_DESCRIPTORS = "cleanDescriptors"
    CLEAN_STRUCTURED_CONTENT = "cleanStructuredContent"
    CLEAN_GRAPHICS = "cleanGraphics"
    RETAIN_SAFE_PRIVATE = "retainSafePrivate"


@dataclass(frozen=True, slots=True)
class Row:
    """One attribute: the basic profile's action code, and the codes (K keep, C clean) of the options that have one."""

    name: str
    basic: str
    options: Mapping[Option, str]

    def action(self, chosen: frozenset[Option]) -> tuple[str, Option | None]:
        """The code under the chosen options, and the option that it comes from.

        An option goes before the basic profile, and cleaning before keeping (PS3.15 E.3): what one option would
        keep as it is, another may know to be sensitive.
        """
        said = [(code, option) for option, code in self.options.items() if option in chosen]
        if not said:
            return self.basic, None
        return min(said)  # C before K


@cache
def rows() -> Mapping[int, Row]:
    """The rows for single attributes."""
    return {int(tag, 16): row for tag, row in _table() if "x" not in tag.lower() and "-" not in tag}


@cache
def patterns() -> tuple[tuple[int, int, Row], ...]:
    """(mask, value, row) of the rows for repeating groups."""
    return tuple(
        (
            int("".join("0" if digit in "xX" else "F" for digit in tag), 16),
            int(tag.lower().replace("x", "0"), 16),
            row,
        )
        for tag, row in _table()
        if "x" in tag.lower() and "-" not in tag
    )


@cache
def private() -> Row:
    """The row for attributes in odd groups."""
    return next(row for tag, row in _table() if "odd" in tag)


def row_of(tag: int) -> Row | None:
    """The row that an attribute falls under; None where the basic profile leaves it alone."""
    if tag >> 16 & 1:
        return private()
    found = rows().get(tag)
    return found or next((row for mask, value, row in patterns() if tag & mask == value), None)


@cache
def _table() -> tuple[tuple[str, Row], ...]:
    text = (files("dromos_crds.profiles") / "confidentiality.csv").read_text(encoding="utf-8")
    lines = list(csv.reader(text.splitlines()))[1:]
    return tuple((line[0], _row(line)) for line in lines)


def _row(line: list[str]) -> Row:
    codes = line[_COLUMNS_BEFORE + 1 :]
    options = {option: code for option, code in zip(Option, codes, strict=True) if code}
    return Row(line[1], line[_COLUMNS_BEFORE], options)
