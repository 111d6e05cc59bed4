# SPDX-License-Identifier: Apache-2.0
"""Known answers of Karnak: the file that DROMOS_VECTORS names, by default tests/data/karnak.json.

A vector of an area that nobody answers for fails, unless the area waits for an issue or is repaired on purpose
(`tests/unit/karnak/__init__.py`); those are not run, and pytest says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit import karnak

_FILE = Path(os.environ.get("DROMOS_VECTORS") or Path(__file__).parent.parent / "data" / "karnak.json")
_VECTORS = json.loads(_FILE.read_text(encoding="utf-8"))
_CHECKS = karnak.checks()


def _parameters() -> Iterator[object]:
    for vector in _VECTORS["vectors"]:
        reason = karnak.repaired(vector)
        if reason is None and karnak.check_of(vector["area"], _CHECKS) is None:
            title = karnak.not_built(vector["area"])
            reason = title and f"waits for: {title}"
        marks = [pytest.mark.xfail(run=False, reason=reason)] if reason is not None else []
        yield pytest.param(vector, id=vector["id"], marks=marks)


@pytest.mark.parametrize("vector", list(_parameters()))
def test_vector(vector: karnak.Given) -> None:
    """The answer is Karnak's."""
    check = karnak.check_of(vector["area"], _CHECKS)
    assert check is not None, f"nobody answers for area {vector['area']}; add it to a module of tests/unit/karnak"
    given = dict(vector["input"])
    if "dataset_ref" in given:
        given["dataset"] = _VECTORS["datasets"][given["dataset_ref"]]
    check(given, vector["expected"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PatientName": "Doe^John"}, {"lastName": "Doe", "firstName": "John"}),
        ({"PatientName": "Doe^John^M"}, {"lastName": "Doe", "firstName": "John"}),
        ({"PatientName": "Doe"}, {"lastName": "Doe", "firstName": ""}),
        ({"PatientName": None}, {"name": "", "last": "", "first": ""}),
        ({"PatientSex": "M"}, {"sex": "M"}),
        ({"PatientSex": "F"}, {"PatientSex": "F"}),
        ({"PatientSex": "X"}, {"sex": "O"}),
        ({"PatientSex": None}, {"sex": "O"}),
        ({"PatientBirthDate": "19930216"}, {"birthDate": "19930216"}),
        ({"PatientBirthDate": "1993.02.16"}, {"birthDate": "19930216"}),
        ({"PatientBirthDate": "NULL"}, {"birthDate": ""}),
        ({"PatientBirthDate": None}, {"birthDate": None}),
    ],
)
def test_what_karnak_keeps_of_a_patient(given: karnak.Given, expected: karnak.Given) -> None:
    """The shared file has no vectors of it; these are after the rules of karnak.md, section 2."""
    check = karnak.check_of("patient.metadata", _CHECKS)
    assert check is not None
    check(given, expected)
    with pytest.raises(AssertionError):
        check(given, dict.fromkeys(expected, "another"))


def test_an_area_that_nobody_knows_has_no_answer() -> None:
    """So its vectors fail."""
    assert karnak.check_of("conformance.report", _CHECKS) is None
    assert karnak.check_of("patients", _CHECKS) is None


def test_nothing_that_is_built_is_said_to_wait() -> None:
    """Whoever builds an area takes its line away."""
    assert [area for area in _CHECKS if karnak.not_built(area) is not None] == []


def test_the_file_holds_vectors() -> None:
    """An empty file would let everything pass."""
    assert len({vector["id"] for vector in _VECTORS["vectors"]}) == len(_VECTORS["vectors"]) > 0
