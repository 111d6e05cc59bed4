# SPDX-License-Identifier: Apache-2.0
"""Images whose pixels look like something, so that codecs work as they do on patients; kept below build/bench/."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

_SIDE = 512


def ct(folder: Path, count: int, burned_in: str | None = None) -> list[Path]:
    """CT slices of 512 by 512, 12 bits stored in 16: a phantom in noise. `burned_in`: what they say of text in them."""
    files = [folder / f"{index:04}.dcm" for index in range(count)]
    if not files[-1].exists():
        folder.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[:_SIDE, :_SIDE]
        for index, file in enumerate(files):
            generator = np.random.default_rng(index)
            body = 1500 + 900 * np.sin((x + 3 * index) / 40) * np.cos(y / 55)
            inside = (x - 256) ** 2 + (y - 256) ** 2 < 230**2
            noisy = body + generator.normal(0, 12, (_SIDE, _SIDE))
            pixels = np.where(inside, noisy, generator.normal(24, 6, (_SIDE, _SIDE))).clip(0, 4095).astype("<u2")
            header = _header(CTImageStorage, _SIDE, _SIDE, 16, 12)
            if burned_in is not None:
                header.BurnedInAnnotation = burned_in
            _save(header, pixels.tobytes(), file)
    return files


def multi_frame(path: Path, frames: int, side: int = 512) -> Path:
    """A grayscale ultrasound loop of `frames` frames of 8 bits."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[:side, :side]
        generator = np.random.default_rng(1)
        frame = (120 + 80 * np.sin(x / 30) * np.cos(y / 21) + generator.normal(0, 6, (side, side))).clip(0, 255)
        header = _header(UltrasoundMultiFrameImageStorage, side, side, 8, 8)
        header.NumberOfFrames = frames
        _save(header, frame.astype("u1").tobytes() * frames, path)
    return path


def _header(sop_class: str, rows: int, columns: int, allocated: int, stored: int) -> Dataset:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = sop_class, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.StudyDate, image.StudyTime, image.AccessionNumber = "20260102", "101500", "BENCH"
    image.Modality, image.Manufacturer, image.StationName = "CT", "bench", "US1"
    image.PatientName, image.PatientID = "Nobody^At All", "BENCH-1"
    image.Rows, image.Columns, image.SamplesPerPixel = rows, columns, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = allocated, stored, stored - 1, 0
    return image


def _save(image: Dataset, pixels: bytes, path: Path) -> None:
    image.PixelData = pixels
    image["PixelData"].VR = "OW" if image.BitsAllocated > 8 else "OB"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)
