# SPDX-License-Identifier: Apache-2.0
"""Images of every kind, made from a seed: what a modality might send, native, in any encoding of the header."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.3.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True)
class Kind:
    """One kind of pixels."""

    photometric: str = "MONOCHROME2"
    allocated: int = 8
    stored: int = 8
    signed: bool = False
    planar: int = 0
    frames: int = 1
    rows: int = 45
    columns: int = 60
    overlay: bool = False  # in an unused bit
    real: str = ""  # "float" or "double"
    sop_class: str = SECONDARY_CAPTURE

    @property
    def samples(self) -> int:
        return 1 if self.photometric.startswith(("MONO", "PALETTE")) else 3

    @property
    def in_big_endian(self) -> bool:
        """Whether software agrees on how it is written there: not on single bits, nor on integers of 32."""
        return bool(self.real) or self.allocated in (8, 16)

    @property
    def name(self) -> str:
        sign = "s" if self.signed else "u"
        words = [self.photometric.replace(" ", ""), f"{sign}{self.stored}of{self.allocated}"]
        words += [f"planar{self.planar}"] * (self.samples > 1) + [f"x{self.frames}"] * (self.frames > 1)
        return "-".join(words + ["overlay"] * self.overlay + [self.real] * bool(self.real))


KINDS = (
    Kind(),
    Kind("MONOCHROME1", 16, 12),
    Kind(allocated=16, stored=16),
    Kind(allocated=16, stored=16, signed=True),
    Kind(allocated=16, stored=12, signed=True, frames=3),
    Kind(allocated=16, stored=10),
    Kind(allocated=16, stored=12, overlay=True),
    Kind(allocated=8, stored=8, signed=True),
    Kind(allocated=8, stored=6, frames=2, rows=31, columns=33),
    Kind(allocated=32, stored=32),
    Kind(allocated=32, stored=24, signed=True),
    Kind("PALETTE COLOR"),
    Kind("PALETTE COLOR", 16, 16),
    Kind("RGB"),
    Kind("RGB", planar=1, frames=2),
    Kind("RGB", 16, 16),
    Kind("YBR_FULL"),
    Kind("YBR_FULL", planar=1),
    Kind("YBR_FULL_422"),
    Kind(allocated=1, stored=1, frames=3, rows=13, columns=11),
    Kind(allocated=32, stored=32, real="float"),
    Kind(allocated=64, stored=64, real="double", frames=2),
)


def picture(kind: Kind, seed: int = 7) -> np.ndarray:
    """(frames, rows, columns, samples) of something between a phantom and noise, over the whole range."""
    rng = np.random.default_rng(seed)
    shape = (kind.frames, kind.rows, kind.columns, kind.samples)
    y, x = np.mgrid[: kind.rows, : kind.columns]
    wave = 0.5 + 0.25 * np.sin(x / 9) + 0.2 * np.cos(y / 7)
    field = np.clip(wave[None, :, :, None] + rng.normal(0, 0.02, shape) + 0.02 * np.arange(kind.samples), 0, 1)
    if kind.real:
        return field.astype(np.float32 if kind.real == "float" else np.float64)
    if kind.photometric == "PALETTE COLOR":
        return np.floor(field * 255).astype(f"u{kind.allocated // 8}")
    lowest = -(1 << kind.stored - 1) if kind.signed else 0
    values = np.floor(field * ((1 << kind.stored) - 1)).astype(np.int64) + lowest
    values[:, 0, 0], values[:, -1, -1] = lowest, lowest + (1 << kind.stored) - 1
    cells = values.astype(f"{'i' if kind.signed else 'u'}{max(kind.allocated, 8) // 8}")
    if kind.photometric == "YBR_FULL_422":
        cells[:, :, 1::2, 1:] = cells[:, :, 0::2, 1:]
    if kind.overlay:
        cells[:, 5:9, 5:9] |= np.array(1 << 14, cells.dtype)
    return cells


def native_bytes(kind: Kind, cells: np.ndarray) -> bytes:
    """The value of Pixel Data in little endian."""
    if kind.allocated == 1:
        return np.packbits(cells.reshape(-1), bitorder="little").tobytes()
    if kind.photometric == "YBR_FULL_422":
        pairs = np.stack(
            [cells[:, :, 0::2, 0], cells[:, :, 1::2, 0], cells[:, :, 0::2, 1], cells[:, :, 0::2, 2]], axis=-1
        )
        return np.ascontiguousarray(pairs).tobytes()
    if kind.planar:
        cells = cells.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(cells).tobytes()


def dataset(kind: Kind, seed: int = 7) -> Dataset:
    """A data set that dciodvfy has little to say about."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SOPClassUID = kind.sop_class if kind.frames == 1 or kind.sop_class != SECONDARY_CAPTURE else _multi_frame(kind)
    ds.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{seed}"
    ds.StudyDate = "20200102"
    ds.StudyTime = "030405"
    ds.AccessionNumber = ""
    ds.Modality = "OT"
    ds.Manufacturer = "Dromos"
    ds.StationName = "US1"
    ds.ReferringPhysicianName = ""
    ds.PatientName = "Doe^Jane"
    ds.PatientID = "4711"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.ConversionType = "WSD"
    ds.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{seed}.1"
    ds.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{seed}.2"
    ds.StudyID = "1"
    ds.SeriesNumber = "1"
    ds.InstanceNumber = "1"
    ds.Laterality = ""
    ds.PatientOrientation = ["L", "P"]
    ds.SamplesPerPixel = kind.samples
    ds.PhotometricInterpretation = kind.photometric
    if kind.samples > 1:
        ds.PlanarConfiguration = kind.planar
    if kind.frames > 1:
        ds.NumberOfFrames = kind.frames
    ds.Rows, ds.Columns = kind.rows, kind.columns
    ds.BitsAllocated = kind.allocated
    if not kind.real:
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = kind.stored, kind.stored - 1, int(kind.signed)
    if kind.photometric == "PALETTE COLOR":
        _add_palette(ds)
    ds.BurnedInAnnotation = "YES"
    value = native_bytes(kind, picture(kind, seed))
    keyword = {"float": "FloatPixelData", "double": "DoubleFloatPixelData"}.get(kind.real, "PixelData")
    setattr(ds, keyword, value + b"\0" * (len(value) % 2))
    if keyword == "PixelData":
        ds["PixelData"].VR = "OW" if kind.allocated > 8 else "OB"
    return ds


def _multi_frame(kind: Kind) -> str:
    """Multi-frame Secondary Capture: single bit, grayscale byte, grayscale word, true colour."""
    if kind.samples > 1:
        return f"{SECONDARY_CAPTURE}.4"
    return f"{SECONDARY_CAPTURE}.{ {1: 1, 8: 2}.get(kind.allocated, 3) }"


def _add_palette(ds: Dataset) -> None:
    ramp = np.arange(256, dtype=np.uint16)
    for colour, entries in (("Red", ramp * 257), ("Green", (255 - ramp) * 257), ("Blue", ramp % 16 * 4096)):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", entries.astype("<u2").tobytes())


def save(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """A Part 10 file."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    if not little:
        _swap(ds)
    ds.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return path


def _swap(ds: Dataset) -> None:
    size = {1: 1, 8: 1}.get(ds.BitsAllocated, ds.BitsAllocated // 8)
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in ds:
            cells = np.frombuffer(ds[keyword].value, f"<u{size}")
            ds[keyword].value = cells.astype(f">u{size}").tobytes()
    for keyword in ("Red", "Green", "Blue"):
        name = f"{keyword}PaletteColorLookupTableData"
        if name in ds:
            ds[name].value = np.frombuffer(ds[name].value, "<u2").astype(">u2").tobytes()


def make(kind: Kind, folder: Path, syntax: str = ExplicitVRLittleEndian, seed: int = 7) -> Path:
    """A file of this kind."""
    return save(dataset(kind, seed), folder / f"{kind.name}.dcm", syntax)


def ultrasound(**changes: object) -> Kind:
    """Something that needs a mask."""
    return replace(Kind("RGB", frames=4, sop_class=ULTRASOUND), **changes)  # type: ignore[arg-type]
