# SPDX-License-Identifier: Apache-2.0
"""Strict: a rule that shifts nothing is no de-identification, and a file doesn't say that its dates were moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dromos_gateway.deid.hashing import scaled
from dromos_gateway.deid.outcomes import Held
from dromos_gateway.deid.plan import Plan
from tests.unit.deid.instances import BASIC, KEY, change, codes, ct, plan

_BY_TAG = {"days_tag": "(0015,1010)", "seconds_tag": "(0015,1011)"}


def dates(option: str, tags: list[str] | None = None, **arguments: Any) -> dict[str, Any]:
    return {"codename": "action.on.dates", "option": option, "arguments": arguments, "tags": tags or []}


def _said(*rules: dict[str, Any], folder: Path, **attributes: Any) -> tuple[str, str, list[str]]:
    _, out = change(ct(**attributes), plan(*rules, BASIC), folder)
    return out.StudyDate, out.LongitudinalTemporalInformationModified, codes(out)


def test_seconds_alone_leave_days_and_the_file_says_so(tmp_path: Path) -> None:
    day, said, applied = _said(dates("shift", days=0, seconds=60), folder=tmp_path)
    assert (day, said, applied) == ("20240102", "UNMODIFIED", ["113107", "113100"])
    only_days = dates("shift", ["00080020"], days=0, seconds=60)
    assert _said(only_days, folder=tmp_path) == ("20240102", "UNMODIFIED", ["113100"])


@pytest.mark.parametrize("times", [1, 3])
def test_and_of_each_instance(tmp_path: Path, times: int) -> None:
    chosen = plan(dates("shift", ["00080020"], days=0, seconds=60), BASIC)
    for _ in range(times):
        _, out = change(ct(), chosen, tmp_path)
        assert out.LongitudinalTemporalInformationModified == "UNMODIFIED"


def _patient(days: int) -> str:
    """A patient whose part of the range is so many days."""
    return next(f"P{n}" for n in range(10_000) if scaled(KEY, f"P{n}", 0, 200) == days)


def test_a_patient_whose_range_comes_to_nothing_gets_its_bound(tmp_path: Path) -> None:
    rule = dates("shift_range", max_days=200, max_seconds=1000)
    chosen = plan(rule, BASIC)
    for patient, day in ((_patient(0), "20230616"), (_patient(1), "20240101"), (_patient(0), "20230616")):
        _, out = change(ct(PatientID=patient), chosen, tmp_path)
        assert (out.StudyDate, out.LongitudinalTemporalInformationModified) == (day, "MODIFIED")
    _, out = change(ct(PatientID=_patient(0)), plan(rule, BASIC, compatibility="Karnak"), tmp_path)
    assert out.StudyDate == "20240102"


def test_nor_seconds_where_only_they_move(tmp_path: Path) -> None:
    rule = dates("shift_range", ["00080030"], max_days=0, max_seconds=10)
    patient = next(f"P{n}" for n in range(1000) if scaled(KEY, f"P{n}", 0, 10) == 0)
    _, out = change(ct(PatientID=patient), plan(rule, BASIC), tmp_path)
    assert (out.StudyTime, out.LongitudinalTemporalInformationModified) == ("101450.000000", "MODIFIED")


@pytest.mark.parametrize(
    ("days", "seconds"), [("0", "0"), ("0", "5"), ("", "5"), ("none", "5"), ("1.5", "0"), (None, "5"), ("1", "x")]
)
def test_tags_that_say_no_shift_hold(tmp_path: Path, days: str | None, seconds: str) -> None:
    data = ct()
    block = data.private_block(0x0015, "ACME", create=True)
    if days is not None:
        block.add_new(0x10, "LO", days)
    block.add_new(0x11, "LO", seconds)
    for tags in ([], ["00080030"]) if seconds == "0" or not days else ([],):  # times by themselves may move
        outcome, _ = change(data, plan(dates("shift_by_tag", tags, **_BY_TAG), BASIC), tmp_path)
        assert isinstance(outcome, Held)
        assert outcome.reason == "DateNotShiftable"


def test_only_an_age_is_no_date_that_was_moved(tmp_path: Path) -> None:
    chosen = plan(dates("shift", ["00101010"], days=400, seconds=0), BASIC)
    for _ in range(2):
        _, out = change(ct(PatientAge="043Y"), chosen, tmp_path)
        assert (out.PatientAge, out.LongitudinalTemporalInformationModified) == ("044Y", "REMOVED")


def test_a_shift_that_moves_says_so(tmp_path: Path) -> None:
    for rule in (dates("shift", days=-1, seconds=0), dates("date_format", remove="day")):
        day, said, applied = _said(rule, folder=tmp_path)
        assert (day != "20240102", said, applied) == (True, "MODIFIED", ["113107", "113100"])


def test_cold_and_warm_alike(tmp_path: Path) -> None:
    """A rule that may leave a day remembers nothing of it that would be missing the next time."""
    chosen = plan(dates("shift", days=0, seconds=60), BASIC)
    for number in range(3):
        _, warm = change(ct(SOPInstanceUID=f"1.2.{number}"), chosen, tmp_path)
        _, cold = change(ct(SOPInstanceUID=f"1.2.{number}"), Plan(chosen.recipe, chosen.profile), tmp_path)
        assert warm == cold


def test_karnak_leaves_a_date_without_a_value_to_the_next_rule(tmp_path: Path) -> None:
    """As Karnak's rule has no value for it; Strict's leaves it as it is."""
    data = {"AcquisitionDate": "", "StudyDate": "", "SeriesDate": "20240102"}
    _, out = change(ct(**data), plan(dates("shift", days=1, seconds=0), BASIC, compatibility="Karnak"), tmp_path)
    assert "AcquisitionDate" not in out
    assert (out.StudyDate, out.SeriesDate) == ("", "20240101")


def test_there_is_nothing_behind_midnight(tmp_path: Path) -> None:
    chosen = plan(dates("shift", days=0, seconds=1), BASIC)
    assert change(ct(StudyTime="2400"), chosen, tmp_path)[1].StudyTime == "235959.000000"
    outcome, _ = change(ct(StudyTime="240001"), chosen, tmp_path)
    assert isinstance(outcome, Held)
