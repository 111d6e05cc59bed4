# SPDX-License-Identifier: Apache-2.0
"""dciodvfy finds nothing wrong with what is written that was not wrong before."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers
from tests.pixels.samples import KINDS, Kind, dataset, make, save

_UNKNOWN_TO_IT = {ts.HTJ2K_LOSSLESS, ts.HTJ2K_LOSSLESS_RPCL, ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.real], ids=lambda kind: kind.name)
def test_no_new_error(kind: Kind, tmp_path: Path) -> None:
    source, target = make(kind, tmp_path), tmp_path / "target.dcm"
    known = peers.complaints(source)
    for syntax in sorted(ts.ENCODED - _UNKNOWN_TO_IT):
        for masks in ((), (Mask("*", (Rectangle(1, 1, 4, 4),)),)):
            outcome = change_pixels(source, target, PixelPlan(masks=masks, transfer_syntax=syntax))
            assert isinstance(outcome, PixelsChanged)
            if outcome.written:
                assert peers.complaints(target) <= known, (syntax, masks)


def test_everything_else_stays_byte_for_byte(tmp_path: Path) -> None:
    source, target = make(Kind("RGB", 8, 8), tmp_path), tmp_path / "target.dcm"
    change_pixels(source, target, PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS))
    before, after = dcmread(source), dcmread(target)
    del before.PixelData, after.PixelData
    assert before == after


@pytest.mark.parametrize(
    "first", [ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_BIG_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN]
)
@pytest.mark.parametrize("second", [ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.RLE_LOSSLESS])
def test_headers_survive_every_encoding(first: str, second: str, tmp_path: Path) -> None:
    if first == second:
        return
    ds = dataset(Kind(allocated=16, stored=12))
    ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    ds.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ds.RedPaletteColorLookupTableDescriptor = [256, 0, 16]
    item = Dataset()
    item.CodeValue, item.CodeMeaning, item.RedPaletteColorLookupTableDescriptor = "1", "山田", [1, 2, 16]
    inner = Dataset()
    inner.FloatingPointValue, inner.SelectorOWValue = 1.5, None
    item.ContentSequence = [inner, Dataset()]
    ds.AnatomicRegionSequence = [item]
    ds.AnatomicRegionSequence[0].is_undefined_length_sequence_item = True
    ds["AnatomicRegionSequence"].is_undefined_length = True
    ds.add_new(0x00091001, "LO", "private")
    ds.add_new(0x00090010, "LO", "DROMOS TEST")
    ds.DataSetTrailingPadding = bytes(16)
    source, target = save(ds, tmp_path / "source.dcm", first), tmp_path / "target.dcm"
    assert isinstance(
        change_pixels(source, target, PixelPlan(transfer_syntax=second, only_uncompressed=False)), PixelsChanged
    )
    before, after = dcmread(source), dcmread(target)
    for data in (before, after):
        del data.PixelData
        private = data.pop(0x00091001).value  # implicit VR does not say what it is
        assert (private if isinstance(private, bytes) else private.encode()).strip() == b"private"
    assert before == after
    assert str(after.PatientName) == "Yamada^Tarou=山田^太郎=やまだ^たろう"


@pytest.mark.parametrize(
    "second", [ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.RLE_LOSSLESS, ts.EXPLICIT_VR_BIG_ENDIAN]
)
def test_words_are_turned_round_with_the_byte_order(second: str, tmp_path: Path) -> None:
    """Palettes, overlays, waveforms: in big endian their words are big endian. DCMTK reads the same from both."""
    ds, content = dataset(Kind(allocated=16, stored=12)), bytes(range(64))
    ds.add_new(0x00281201, "OW", content)
    ds.add_new(0x00660016, "OF", content)
    ds.add_new(0x00660022, "OD", content)
    ds.add_new(0x00660040, "OL", content)
    ds.add_new(0x60003000, "OW", content)
    ds.add_new(0x00420011, "OB", content)
    wave = Dataset()
    wave.add_new(0x54001010, "OW", content)
    ds.WaveformSequence = [wave]
    little, big, target = (tmp_path / name for name in ("little.dcm", "big.dcm", "target.dcm"))
    peers.run("dcmconv", "+tb", save(ds, little), big)
    masks = (Mask("*", (Rectangle(1, 1, 4, 4),)),) if second == ts.EXPLICIT_VR_BIG_ENDIAN else ()
    outcome = change_pixels(big, target, PixelPlan(masks=masks, transfer_syntax=None if masks else second))
    assert isinstance(outcome, PixelsChanged)
    if masks:
        peers.run("dcmconv", "+te", target, target)
    found = dcmread(target)
    assert found.WaveformSequence[0][0x54001010].value == content
    for tag in (0x00281201, 0x00660016, 0x00660022, 0x00660040, 0x60003000, 0x00420011):
        assert found[tag].value == content, hex(tag)


def test_curves_and_retired_tables_become_explicit(tmp_path: Path) -> None:
    """pydicom reads them and does not know which VR to write: OW, or US for numbers (PS3.5 A.1)."""
    ds, target = dataset(Kind()), tmp_path / "target.dcm"
    item = Dataset()
    item.add_new(0x00283006, "OW", b"\1\2")  # without its descriptor
    item.add_new(0x50023000, "OW", b"\5\6")
    ds.ReferencedImageSequence = [item]
    for tag in (0x50003000, 0x5000200C, 0x00143050, 0x00281200):
        ds.add_new(tag, "OW", b"\1\2\3\4")
    for tag in (0x00280071, 0x00281100, 0x00281111):
        ds.add_new(tag, "US", 7)
    plan = PixelPlan(transfer_syntax=ts.RLE_LOSSLESS)
    outcome = change_pixels(save(ds, tmp_path / "source.dcm", ts.IMPLICIT_VR_LITTLE_ENDIAN), target, plan)
    assert isinstance(outcome, PixelsChanged)
    found = dcmread(target)
    assert found.file_meta.TransferSyntaxUID == ts.RLE_LOSSLESS
    for tag in (0x50003000, 0x5000200C, 0x00143050, 0x00281200):
        assert (found[tag].VR, found[tag].value) == ("OW", b"\1\2\3\4")
    for tag in (0x00280071, 0x00281100, 0x00281111):
        assert (found[tag].VR, found[tag].value) == ("US", 7)
    assert found.ReferencedImageSequence == ds.ReferencedImageSequence
