# SPDX-License-Identifier: Apache-2.0
"""A CT study of a phantom: a few ellipsoids, sliced. Nothing in it was ever measured on anybody."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

PATIENT = "PHANTOM-1"
SIZE = 512  # rows and columns
_WATER = 1024  # stored value of 0 HU
# centre x, y, z; half axes x, y, z; Hounsfield units that it adds. After L. Shepp and B. Logan, 1974.
_ELLIPSOIDS = (
    (0.0, 0.0, 0.0, 0.69, 0.92, 0.90, 2000),
    (0.0, -0.018, 0.0, 0.66, 0.87, 0.88, -960),
    (0.22, 0.0, 0.0, 0.11, 0.31, 0.22, -25),
    (-0.22, 0.0, 0.0, 0.16, 0.41, 0.28, -25),
    (0.0, 0.35, -0.15, 0.21, 0.25, 0.41, 15),
    (0.0, 0.1, 0.25, 0.046, 0.046, 0.05, 25),
    (-0.08, -0.605, 0.0, 0.046, 0.023, 0.05, 30),
    (0.06, -0.605, 0.0, 0.023, 0.046, 0.05, 30),
)


def make_study(folder: Path, slices: int, now: datetime) -> Iterator[Path]:
    """Write the slices one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(slices):
        position = -1.0 + 2.0 * (number + 0.5) / slices
        data = _header(number, position, now)
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.PixelData = _pixels(position)
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"slice-{number + 1:03}.dcm"
        data.save_as(path, enforce_file_format=True)
        yield path


def _header(number: int, position: float, now: datetime) -> Dataset:
    data = Dataset()
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SOPClassUID = CTImageStorage
    data.SOPInstanceUID = generate_uid()
    data.StudyDate = data.ContentDate = now.strftime("%Y%m%d")
    data.StudyTime = data.ContentTime = now.strftime("%H%M%S")
    data.AccessionNumber = "DEMO-1"
    data.Modality = "CT"
    data.Manufacturer = "Dromos demo"
    data.StudyDescription = "Head phantom"
    data.SeriesDescription = "Axial"
    data.PatientName = "Phantom^Head"
    data.PatientID = PATIENT
    data.PatientBirthDate, data.PatientSex = "19740101", "O"
    data.StudyID, data.SeriesNumber, data.InstanceNumber = "1", "1", str(number + 1)
    data.ImagePositionPatient = ["-128", "-128", f"{position * 100:.3f}"]
    data.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data.PixelSpacing = ["0.5", "0.5"]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows = data.Columns = SIZE
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.RescaleIntercept, data.RescaleSlope = str(-_WATER), "1"
    data.WindowCenter, data.WindowWidth = "40", "400"
    return data


def _pixels(z: float) -> bytes:
    """One slice, row by row: each ellipsoid crosses a row in one span."""
    rows = array("H")
    air = array("H", [_WATER - 1000]) * SIZE
    for row in range(SIZE):
        y = 1.0 - 2.0 * (row + 0.5) / SIZE
        line = air[:]
        for start, stop, value in _spans(y, z):
            line[start:stop] = array("H", [max(0, min(4095, old + value)) for old in line[start:stop]])
        rows.extend(line)
    return rows.tobytes()


def _spans(y: float, z: float) -> Iterator[tuple[int, int, int]]:
    for cx, cy, cz, ax, ay, az, value in _ELLIPSOIDS:
        rest = 1.0 - ((y - cy) / ay) ** 2 - ((z - cz) / az) ** 2
        if rest > 0:
            half = ax * math.sqrt(rest)
            start = round((cx - half + 1.0) / 2.0 * SIZE)
            stop = round((cx + half + 1.0) / 2.0 * SIZE)
            yield max(0, start), min(SIZE, stop), value
