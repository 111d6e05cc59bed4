# SPDX-License-Identifier: Apache-2.0
"""pydicom's odd images: transcoded to native they are what another decoder sees, or they are held."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import data_store
import numpy as np
import pydicom.data
import pytest
from openjpeg.utils import decode
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import Held, PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers

_FOLDERS = (Path(pydicom.data.__file__).parent / "test_files", *map(Path, data_store.__path__))
_TO_NATIVE = PixelPlan(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN, only_uncompressed=False)
HELD = {
    "emri_small_jpeg_2k_lossless_too_short.dcm": "ends without its delimiter",
    "JPEG2000-embedded-sequence-delimiter.dcm": "the JPEG 2000 stream is",
    "MR_truncated.dcm": "longer than what holds it",
    "SC_rgb_jpeg.dcm": "no VR that PS3.5 knows",
    "SC_rgb_expb_32bit.dcm": "written in two ways",
    "SC_rgb_expb_32bit_2frame.dcm": "written in two ways",
    "rtdose_expb.dcm": "written in two ways",
    "rtdose_expb_1frame.dcm": "written in two ways",
}
_LARGEST = 20 << 20


def _files() -> Iterator[Path]:
    seen = set()
    for path in sorted(path for folder in _FOLDERS for path in folder.rglob("*.dcm")):
        if path.name not in seen and path.stat().st_size < _LARGEST and path.read_bytes()[128:132] == b"DICM":
            seen.add(path.name)
            ds = dcmread(path, stop_before_pixels=True, force=True)
            if "Rows" in ds and "TransferSyntaxUID" in ds.file_meta:
                yield path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", list(_files()), ids=lambda path: path.name)
def test_right_or_held(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.dcm"
    outcome = change_pixels(path, target, _TO_NATIVE)
    if isinstance(outcome, Held):
        assert HELD[path.name] in outcome.message
        return
    assert path.name not in HELD
    assert isinstance(outcome, PixelsChanged)
    if not outcome.written:
        again = change_pixels(path, target, PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS))
        assert isinstance(again, PixelsChanged | Held)
        return
    ours, theirs = pixels_of(target), reference(path, tmp_path)
    if dcmread(path).file_meta.TransferSyntaxUID in (ts.JPEG_BASELINE, ts.JPEG_EXTENDED):
        assert np.abs(ours.astype(int) - theirs).mean() < 1.0
        return
    np.testing.assert_array_equal(ours, theirs)


def pixels_of(path: Path) -> np.ndarray:
    return pixel_array(dcmread(path), raw=True).reshape(-1)


def reference(path: Path, folder: Path) -> np.ndarray:
    """Decoded by numpy (native, RLE), OpenJPEG, or DCMTK."""
    ds = dcmread(path)
    syntax = ds.file_meta.TransferSyntaxUID
    family = ts.KNOWN[syntax].family
    if family in (ts.Family.NATIVE, ts.Family.RLE):
        return pixels_of(path)
    if family is ts.Family.JPEG_2000:
        return by_openjpeg(ds)
    decoded = folder / "dcmtk.dcm"
    peers.run("dcmdjpls" if family is ts.Family.JPEG_LS else "dcmdjpeg", path, decoded)
    array = pixels_of(decoded)
    shift = 0 if family is ts.Family.JPEG_LS or not ds.PixelRepresentation else ds.BitsAllocated - ds.BitsStored
    return array << shift >> shift


def by_openjpeg(ds: Dataset) -> np.ndarray:
    streams = generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1)))
    array = np.stack([decode(BytesIO(stream)) for stream in streams]).reshape(-1)
    if ds.PixelRepresentation and array.dtype.kind == "u":
        shift = ds.BitsAllocated - ds.BitsStored
        array = array.astype(f"i{ds.BitsAllocated // 8}") << shift >> shift
    return array


def test_what_is_held_is_still_there() -> None:
    assert set(HELD) <= {path.name for path in _files()}
