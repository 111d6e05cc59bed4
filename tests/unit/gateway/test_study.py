# SPDX-License-Identifier: Apache-2.0
"""The study is found in the head of a data set in every encoding, and never made up."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dromos_gateway.study import study_instance_uid


@pytest.mark.parametrize(
    ("syntax", "implicit", "little"),
    [("1.2.840.10008.1.2", True, True), ("1.2.840.10008.1.2.1", False, True), ("1.2.840.10008.1.2.2", False, False)],
)
def test_every_encoding(syntax, implicit, little):
    data = Dataset()
    data.SOPInstanceUID = "1.2.3.4"
    data.StudyInstanceUID = "1.2.3.45"
    data.SeriesInstanceUID = "1.2.3.6"
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_dataset(stream, data)
    assert study_instance_uid(stream.getvalue(), syntax) == "1.2.3.45"


@pytest.mark.parametrize("beginning", [b"", b"\x20\x00\x0d\x00UI", b"\x20\x00\x0d\x00UI\x08\x00patient!", bytes(100)])
def test_nothing_is_made_up(beginning):
    assert study_instance_uid(beginning, "1.2.840.10008.1.2.1") == ""
