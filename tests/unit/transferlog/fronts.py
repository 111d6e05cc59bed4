# SPDX-License-Identifier: Apache-2.0
"""The first bytes of data sets, as tests of the log and of notifications need them."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

EXPLICIT = "1.2.840.10008.1.2.1"


def front(*, implicit: bool = False, little: bool = True, **elements: object) -> bytes:
    """An encoded data set of one CT series, with these elements besides."""
    dataset = Dataset()
    known = {"PatientID": "P-1", "AccessionNumber": "A1", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"}
    for keyword, value in {"Modality": "CT", "StudyDescription": "Thorax", **known, **elements}.items():
        setattr(dataset, keyword, value)
    dataset.Rows = 1
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = little, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()
