# SPDX-License-Identifier: Apache-2.0
"""The demo's verdict is a verdict: what is missing, changed or leaks is said."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from dromos_gateway.demo.judging import deidentified, unchanged
from dromos_gateway.demo.phantom import make_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    list(make_study(tmp_path / "study", 2, datetime(2026, 1, 2, tzinfo=UTC)))
    return tmp_path / "study"


def anonymous(study: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in study.iterdir():
        data = dcmread(path)
        data.PatientName, data.PatientID, data.PatientBirthDate = "X", "1", "19000101"
        data.AccessionNumber = data.StudyDescription = ""
        data.StudyDate = data.ContentDate = "20250101"
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = (generate_uid() for _ in range(3))
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.save_as(folder / path.name, enforce_file_format=True)
    return folder


def change(path: Path, **values: object) -> None:
    data = dcmread(path)
    for keyword, value in values.items():
        setattr(data, keyword, value)
    data.save_as(path)


def test_what_arrived_as_it_should_is_good(study, tmp_path):
    shutil.copytree(study, tmp_path / "archive")
    assert unchanged(study, tmp_path / "archive").good
    assert deidentified(study, anonymous(study, tmp_path / "research")).good


def test_what_is_missing_changed_or_too_much_is_bad(study, tmp_path):
    for name in ("missing", "changed", "more"):
        shutil.copytree(study, tmp_path / name)
    (tmp_path / "missing" / "slice-001.dcm").unlink()
    change(tmp_path / "changed" / "slice-001.dcm", StationName="X")
    shutil.copy(study / "slice-001.dcm", tmp_path / "more" / "again.dcm")
    for name in ("missing", "changed", "more"):
        assert not unchanged(study, tmp_path / name).good, name


def test_what_names_the_patient_or_lacks_an_image_is_bad(study, tmp_path):
    original = dcmread(study / "slice-001.dcm")
    nested = Dataset()
    nested.ReferencedSOPInstanceUID = original.SOPInstanceUID
    bad: dict[str, dict[str, object]] = {
        "name": {"PatientName": original.PatientName},
        "text": {"ImageComments": original.PatientID},
        "nested": {"ReferencedImageSequence": [nested]},
        "pixels": {"PixelData": bytes(len(original.PixelData))},
    }
    for name, values in bad.items():
        folder = anonymous(study, tmp_path / name)
        change(folder / "slice-001.dcm", **values)
        assert not deidentified(study, folder).good, name
    lacking = anonymous(study, tmp_path / "lacking")
    (lacking / "slice-001.dcm").unlink()
    assert not deidentified(study, lacking).good
    assert not deidentified(study, study).good
