# SPDX-License-Identifier: Apache-2.0
"""What shows an image besides its pixels: icons and overlays. They show nothing that a mask hides, and stay readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import Held, PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers
from tests.pixels.samples import Kind, dataset, make, picture, save
from tests.pixels.test_lossless import transcode

KIND = Kind(rows=40, columns=64)
MASKED = PixelPlan(masks=(Mask("*", (Rectangle(8, 4, 20, 10), Rectangle(60, 0, 900, 2))),))


def icon(pixels: bytes, *, encapsulated: bool = False) -> Dataset:
    item = Dataset()
    item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
    item.Rows, item.Columns = KIND.rows, KIND.columns
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 8, 8, 7, 0
    item.PixelData = pixels
    item["PixelData"].VR = "OB" if encapsulated else "OW"
    item["PixelData"].is_undefined_length = encapsulated
    return item


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_no_icon_shows_what_a_mask_hides(syntax: str, tmp_path: Path) -> None:
    ds, target = dataset(KIND), tmp_path / "target.dcm"
    ds.IconImageSequence = [icon(picture(KIND).tobytes())]
    reference, private = Dataset(), Dataset()
    reference.ReferencedSOPInstanceUID, reference.IconImageSequence = "1.2.3", [icon(picture(KIND).tobytes())]
    ds.ReferencedImageSequence = [reference]
    private.add_new(0x00091001, "SQ", [icon(picture(KIND).tobytes())])
    ds.SourceImageSequence = [Dataset()]
    ds.add_new(0x00090010, "LO", "DROMOS TEST")
    ds.add_new(0x00091002, "SQ", [icon(picture(KIND).tobytes())])
    ds[0x00091002].is_undefined_length = True
    ds.RequestAttributesSequence = [private]
    outcome = change_pixels(save(ds, tmp_path / "source.dcm", syntax), target, MASKED)
    assert isinstance(outcome, PixelsChanged)
    assert outcome.notes == ("Icons taken out: they show what the mask hides",)
    found = dcmread(target)
    assert sum(element.tag == 0x7FE00010 for element in found.iterall()) == 1
    assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert "IconImageSequence" not in found
    assert len(found.SourceImageSequence) == 1
    assert found[0x00090010].value == "DROMOS TEST"


@pytest.mark.parametrize("target_syntax", [ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.RLE_LOSSLESS])
def test_an_icon_leaves_a_transfer_syntax_with_its_image(target_syntax: str, tmp_path: Path) -> None:
    coded, source, target = tmp_path / "coded.dcm", tmp_path / "source.dcm", tmp_path / "target.dcm"
    transcode(make(KIND, tmp_path), coded, ts.JPEG_LS_LOSSLESS)
    ds = dcmread(coded)
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.IconImageSequence = [
        icon(encapsulate([stream]), encapsulated=True),
        icon(encapsulate([b"broken"]), encapsulated=True),
        icon(bytes(KIND.rows * KIND.columns)),
    ]
    transcode(save(ds, source, ts.JPEG_LS_LOSSLESS), target, target_syntax)
    decoded, native = dcmread(target).IconImageSequence
    assert not decoded["PixelData"].is_undefined_length
    assert decoded.PixelData == picture(KIND).tobytes()
    assert native.PixelData == bytes(KIND.rows * KIND.columns)
    assert "IconImageSequence" in peers.run("dcmdump", target)


def test_an_icon_in_native_pixels_keeps_its_bytes(tmp_path: Path) -> None:
    ds, target = dataset(KIND), tmp_path / "target.dcm"
    ds.IconImageSequence = [icon(picture(KIND).tobytes())]
    transcode(save(ds, tmp_path / "source.dcm"), target, ts.JPEG_LS_LOSSLESS)
    assert dcmread(target).IconImageSequence == ds.IconImageSequence


def with_overlay(bits: np.ndarray, origin: tuple[int, int], vr: str = "OW") -> Dataset:
    """An image with a plane (frames, rows, columns) over it."""
    ds = dataset(KIND)
    frames, rows, columns = bits.shape
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.add_new(0x60020010, "US", rows)
    ds.add_new(0x60020011, "US", columns)
    ds.add_new(0x60020015, "IS", frames)
    ds.add_new(0x60020040, "CS", "G")
    ds.add_new(0x60020050, "SS", list(origin))
    ds.add_new(0x60020100, "US", 1)
    ds.add_new(0x60020102, "US", 0)
    ds.add_new(0x60023000, vr, packed + bytes(len(packed) % 2))
    return ds


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(("shape", "origin"), [((1, 40, 64), (1, 1)), ((3, 13, 21), (3, -2)), ((1, 200, 200), (-9, 5))])
def test_overlays_are_cleared_under_a_mask(
    shape: tuple[int, int, int], origin: tuple[int, int], syntax: str, tmp_path: Path
) -> None:
    bits = np.random.default_rng(3).integers(0, 2, shape, np.uint8)
    ds, target = with_overlay(bits, origin), tmp_path / "target.dcm"
    if syntax == ExplicitVRBigEndian:
        ds[0x60023000].value = np.frombuffer(ds[0x60023000].value, "<u2").astype(">u2").tobytes()
    outcome = change_pixels(save(ds, tmp_path / "source.dcm", syntax), target, MASKED)
    assert isinstance(outcome, PixelsChanged)
    assert outcome.notes == ("Overlays cleared under the mask",)
    for frame, row, column in np.ndindex(shape):
        y, x = row + origin[0] - 1, column + origin[1] - 1
        if (4 <= y < 14 and 8 <= x < 28) or (0 <= y < 2 and 60 <= x < 64):
            bits[frame, row, column] = 0
    value = dcmread(target)[0x60023000].value
    if syntax == ExplicitVRBigEndian:
        value = np.frombuffer(value, ">u2").astype("<u2").tobytes()
    np.testing.assert_array_equal(
        np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")[: bits.size], bits.flat
    )


def test_overlays_with_nothing_under_the_mask_stay_and_those_that_lie_hold(tmp_path: Path) -> None:
    empty, target = with_overlay(np.zeros((1, 40, 64), np.uint8), (1, 1)), tmp_path / "target.dcm"
    outcome = change_pixels(save(empty, tmp_path / "source.dcm"), target, MASKED)
    assert isinstance(outcome, PixelsChanged)
    assert not outcome.notes
    for tag, value in ((0x60020010, 42), (0x60020011, 60000), (0x60020015, 2), (0x60020015, 2_000_000_000)):
        lying = with_overlay(np.ones((1, 40, 64), np.uint8), (1, 1))
        lying[tag].value = value
        outcome = change_pixels(save(lying, tmp_path / "source.dcm"), target, MASKED)
        assert outcome == Held("PixelsCannotBeMasked", "an overlay is not as long as it says")


def test_an_overlay_that_is_short_by_some_bits_is_cleared_as_far_as_it_goes(tmp_path: Path) -> None:
    ds, target = with_overlay(np.ones((1, 13, 64), np.uint8), (1, 1)), tmp_path / "target.dcm"
    ds[0x60023000].value = ds[0x60023000].value[:-2]
    assert isinstance(change_pixels(save(ds, tmp_path / "source.dcm"), target, MASKED), PixelsChanged)
    bits = np.unpackbits(np.frombuffer(dcmread(target)[0x60023000].value, np.uint8), bitorder="little")
    expected = np.ones((13, 64), np.uint8)
    expected[4:14, 8:28] = expected[0:2, 60:64] = 0
    np.testing.assert_array_equal(bits, expected.ravel()[:-16])
