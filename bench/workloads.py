# SPDX-License-Identifier: Apache-2.0
"""The instances that are sent: made once, kept below build/bench/."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

_UID_PREFIX = "1.2.826.0.1.3680043.9.77."


@dataclass(frozen=True)
class Workload:
    """So many instances with so many bytes of pixels each."""

    name: str
    count: int
    pixels: int


@dataclass(frozen=True)
class Batch:
    """What one sender sends: files of one folder."""

    folder: Path
    instances: int
    bytes: int


CT = Workload("ct", 400, 512 * 1024)
SMALL = Workload("small", 1000, 9600)
BIG = Workload("big", 2, 256 * 1024 * 1024)
HUGE = Workload("huge", 1, 3_993 * 1024 * 1024)  # 3.9 GiB; more does not fit into an element's length
ALL = (CT, SMALL, BIG)


def batches(home: Path, workload: Workload, senders: int = 1) -> list[Batch]:
    """One batch for each sender, each of `workload.count` instances; no two instances have the same UID."""
    return [_batch(home / f"{workload.name}-{number}", workload, number) for number in range(senders)]


def warm_up(home: Path) -> Batch:
    """A few small instances that are sent before anything is measured."""
    return _batch(home / "warm-up", Workload("warm-up", 3, 9600), 99)


def _batch(folder: Path, workload: Workload, number: int) -> Batch:
    complete = folder / ".complete"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True)
        generator = random.Random(f"{workload.name} {number}")
        study, series = generate_uid(_UID_PREFIX), generate_uid(_UID_PREFIX)
        for index in range(workload.count):
            _write(folder / f"{index:05}.dcm", study, series, index, workload.pixels, generator)
        complete.touch()
    files = sorted(folder.glob("*.dcm"))
    return Batch(folder, len(files), sum(file.stat().st_size for file in files))


def _write(path: Path, study: UID, series: UID, index: int, size: int, generator: random.Random) -> None:
    """A CT slice whose pixels are noise and whose patient does not exist; large ones repeat a megabyte of it."""
    image = Dataset()
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid(_UID_PREFIX)
    image.StudyInstanceUID, image.SeriesInstanceUID, image.InstanceNumber = study, series, str(index)
    image.StudyDate, image.StudyTime, image.AccessionNumber = "20260102", "101500", "BENCH"
    image.Modality, image.Manufacturer, image.StudyDescription = "CT", "bench", "made up"
    image.PatientName, image.PatientID = "Nobody^At All", "BENCH-1"
    image.Columns = 64 if size < 512 * 1024 else 512 if size < 2**20 else 16384
    rows = size // 2 // image.Columns
    image.Rows = min(rows, 65535)
    if rows > 65535:
        image.NumberOfFrames = str(size // 2**19)
        image.Rows = image.Columns = 512
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)
    block = generator.randbytes(min(size, 2**20))
    with path.open("ab") as file:
        file.write(struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", size))
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
