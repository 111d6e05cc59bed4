# SPDX-License-Identifier: Apache-2.0
"""Dates, shifted or kept, wherever they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.outcomes import Held
from tests.unit.deid.instances import BASIC, SHIFT, change, codes, ct, keep, plan


def test_dates_everywhere_and_each_value(tmp_path: Path) -> None:
    item = Dataset()
    item.ScheduledProcedureStepStartDate = "20240301"
    data = ct(RequestAttributesSequence=Sequence([item]), AcquisitionDateTime="20240102101500.5+0100")
    data.add_new(0x00080022, "DA", ["20240101", "20240102"])
    _, out = change(data, plan(keep("00400275"), SHIFT, BASIC), tmp_path)
    assert out.StudyDate == "20240101"
    assert list(out.AcquisitionDate) == ["20231231", "20240101"]
    assert out.AcquisitionDateTime == "20240101101500.500000+0100"
    assert (codes(out), out.LongitudinalTemporalInformationModified) == (["113107", "113100"], "MODIFIED")


def test_a_date_that_is_none_holds(tmp_path: Path) -> None:
    data = ct()
    data.add_new(0x00080022, "DA", "20241399")
    outcome, _ = change(data, plan(SHIFT, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert (outcome.reason, "20241399" in outcome.message) == ("DateNotShiftable", False)


def test_a_missing_shift_holds(tmp_path: Path) -> None:
    rule = {"codename": "action.on.dates", "option": "shift_by_tag", "arguments": {"days_tag": "(0015,1010)"}}
    outcome, _ = change(ct(), plan(rule, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "DateNotShiftable"


def test_full_dates(tmp_path: Path) -> None:
    _, out = change(ct(), plan(BASIC | {"arguments": {"retainFullDates": True}}), tmp_path)
    assert (out.StudyDate, out.LongitudinalTemporalInformationModified) == ("20240102", "UNMODIFIED")


def test_no_option_keeps_a_text_where_a_date_belongs(tmp_path: Path) -> None:
    data = ct()
    for tag, vr, value in ((0x00080020, "DA", "DOE JANE"), (0x00101010, "AS", "JANE"), (0x0008002A, "DT", "20240102")):
        data.add_new(tag, vr, value)
    options = {"retainFullDates": True, "retainPatientCharacteristics": True}
    _, out = change(data, plan(BASIC | {"arguments": options}), tmp_path)
    assert (out.StudyDate, out.PatientAge, out.AcquisitionDateTime) == ("19000101", "000D", "20240102")
    assert out.StudyTime == "101500"


@pytest.mark.parametrize("trail", [False, True])
def test_dates_that_are_empty_are_not_said_to_be_moved(tmp_path: Path, trail: bool) -> None:
    data = ct(StudyDate="", StudyTime="", PatientBirthDate="")
    _, out = change(data, plan(SHIFT, BASIC), tmp_path, trail=trail)
    assert (codes(out), out.LongitudinalTemporalInformationModified) == (["113100"], "REMOVED")
