# SPDX-License-Identifier: Apache-2.0
"""Lossy pairs: how near they are to the original by somebody else's decoder, and what the header says of it."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.identity import lossy_uid
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers
from tests.pixels.samples import KINDS, Kind, make, picture, save
from tests.pixels.test_lossless import LOSSLESS, SOURCES, WHOLE, encoded, name_of, transcode
from tests.pixels.test_lossless import can_hold as can_hold_without_loss

LOSSY = (ts.JPEG_BASELINE, ts.JPEG_EXTENDED, ts.JPEG_LS_NEAR_LOSSLESS, ts.JPEG_2000)
PSNR = 30.0  # dB, the least: noise that baseline JPEG smooths, with chrominance of half the resolution


def can_hold(syntax: str, kind: Kind) -> bool:
    if kind.real or kind.allocated in (1, 64) or kind.photometric == "PALETTE COLOR" or kind.overlay:
        return False
    if syntax == ts.JPEG_2000:
        return kind.allocated <= 16 or kind.stored <= 24
    if kind.signed or kind.allocated > 16:
        return False
    if syntax == ts.JPEG_LS_NEAR_LOSSLESS:
        return True
    if kind.samples == 3 or syntax == ts.JPEG_BASELINE or kind.allocated == 8:
        return kind.allocated == kind.stored == 8
    return 8 < kind.stored <= 12


def psnr(one: np.ndarray, other: np.ndarray, kind: Kind) -> float:
    noise = np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2)
    return 200.0 if noise == 0 else float(20 * np.log10((1 << kind.stored) - 1) - 10 * np.log10(noise))


def as_rgb(cells: np.ndarray, photometric: str) -> np.ndarray:
    if not photometric.startswith("YBR_FULL"):
        return cells
    y, b, r = (cells[..., index].astype(np.float64) for index in range(3))
    b, r = b - 128, r - 128
    return np.clip(np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], axis=-1), 0, 255)


@pytest.mark.parametrize(
    ("kind", "syntax"), list(itertools.product(KINDS, LOSSY)), ids=lambda part: getattr(part, "name", part)
)
def test_near_enough_and_said_so(kind: Kind, syntax: str, tmp_path: Path) -> None:
    source, target = make(kind, tmp_path), tmp_path / "target.dcm"
    plan = PixelPlan(transfer_syntax=syntax, destination_uid="6a1d")
    outcome = change_pixels(source, target, plan)
    assert isinstance(outcome, PixelsChanged), outcome
    original = dcmread(source)
    if not can_hold(syntax, kind):
        assert outcome == PixelsChanged(False, original.SOPInstanceUID, ts.EXPLICIT_VR_LITTLE_ENDIAN)
        return
    ds = dcmread(target)
    assert outcome.lossy
    assert outcome.sop_instance_uid == ds.SOPInstanceUID == ds.file_meta.MediaStorageSOPInstanceUID
    assert outcome.sop_instance_uid == lossy_uid(original.SOPInstanceUID, "6a1d", syntax)
    assert ds.LossyImageCompression == "01"
    assert ds.LossyImageCompressionMethod in ("ISO_10918_1", "ISO_14495_1", "ISO_15444_1")
    assert ds.ImageType[0] == "DERIVED"
    raw = kind.frames * kind.rows * kind.columns * kind.samples * kind.allocated // 8
    assert float(ds.LossyImageCompressionRatio) == pytest.approx(raw / len(ds.PixelData), rel=0.2)
    back = tmp_path / "back.dcm"
    transcode(target, back, ts.EXPLICIT_VR_LITTLE_ENDIAN)
    wanted = as_rgb(picture(kind), kind.photometric)
    ours = dcmread(back)
    assert psnr(as_rgb(peers.cells(back, kind), ours.PhotometricInterpretation), wanted, kind) >= PSNR
    theirs = theirs_of(target, syntax, kind)
    if theirs is not None:
        assert psnr(as_rgb(theirs, ds.PhotometricInterpretation), wanted, kind) >= PSNR
    if syntax == ts.JPEG_LS_NEAR_LOSSLESS:
        assert np.abs(peers.cells(back, kind).astype(int) - picture(kind)).max() <= 2


def _pairs() -> list[tuple[Kind, str, str]]:
    pairs = [
        (kind, first, second)
        for kind, first, second in itertools.product(KINDS, (*SOURCES, *LOSSY), (*LOSSY, *LOSSLESS))
        if first != second and (first in LOSSY or second in LOSSY)
        and can_be(first, kind) and can_be(second, kind)
    ]  # fmt: skip
    return pairs if WHOLE else random.Random(8).sample(pairs, 150)


def can_be(syntax: str, kind: Kind) -> bool:
    if syntax == ts.EXPLICIT_VR_BIG_ENDIAN:
        return kind.in_big_endian
    return can_hold(syntax, kind) if syntax in LOSSY else can_hold_without_loss(syntax, kind)


@pytest.mark.parametrize(("kind", "first", "second"), _pairs(), ids=name_of)
def test_any_pair_with_a_lossy_one_is_near_enough(kind: Kind, first: str, second: str, tmp_path: Path) -> None:
    """Loss adds up where both are lossy; a lossless second encoding keeps what the first one left, bit by bit."""
    source = encoded(kind, first, tmp_path)
    target = tmp_path / "target.dcm"
    assert transcode(source, target, second).transfer_syntax_uid == second
    wanted = as_rgb(picture(kind), kind.photometric)
    one, other = (decoded(path, kind, tmp_path) for path in (source, target))
    assert other.max() < 1 << kind.stored, "what loss adds stays within the bits stored"
    if second in LOSSLESS:
        np.testing.assert_array_equal(one, other)
    assert psnr(other, wanted, kind) >= (PSNR - 3 if first in LOSSY and second in LOSSY else PSNR)


def decoded(path: Path, kind: Kind, folder: Path) -> np.ndarray:
    back = folder / "back.dcm"
    written = transcode(path, back, ts.EXPLICIT_VR_LITTLE_ENDIAN).written
    shown = back if written else path
    return as_rgb(peers.cells(shown, kind), dcmread(shown, stop_before_pixels=True).PhotometricInterpretation)


def theirs_of(target: Path, syntax: str, kind: Kind) -> np.ndarray | None:
    """DCMTK's decoding, or OpenJPEG's; None for a kind that they do not know."""
    if syntax == ts.JPEG_2000:
        return peers.by_openjpeg(target, syntax, kind)
    if kind.samples * kind.stored > 24:
        return None
    return peers.by_dcmtk(target, syntax, kind)


@pytest.mark.parametrize(
    "encoder", [None, *(peers.DCMTK_ENCODERS[uid] for uid in (ts.JPEG_BASELINE, ts.JPEG_LS_NEAR_LOSSLESS))]
)
@pytest.mark.parametrize("second", [ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.JPEG_LS_LOSSLESS, ts.JPEG_BASELINE, ts.JPEG_2000])
def test_loss_that_only_the_streams_tell_of_is_said(
    encoder: tuple[str, ...] | None, second: str, tmp_path: Path
) -> None:
    """Once they are decoded nothing else would (PS3.3 C.7.6.1.1.5)."""
    kind, source, target = Kind("RGB"), tmp_path / "source.dcm", tmp_path / "target.dcm"
    if encoder is None:
        transcode(make(kind, tmp_path), source, ts.JPEG_2000)
    else:
        peers.run(*encoder, make(kind, tmp_path), source)
    silent = dcmread(source)
    syntax = silent.file_meta.TransferSyntaxUID
    if second == syntax:
        return
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        del silent[keyword]
    transcode(save(silent, source, syntax), target, second)
    methods = ["ISO_10918_1"] if second == ts.JPEG_BASELINE else ["ISO_15444_1"] if second == ts.JPEG_2000 else []
    method = {ts.JPEG_BASELINE: "ISO_10918_1", ts.JPEG_LS_NEAR_LOSSLESS: "ISO_14495_1", ts.JPEG_2000: "ISO_15444_1"}
    ds = dcmread(target)
    said, ratios = ds.LossyImageCompressionMethod, ds.LossyImageCompressionRatio
    assert ds.LossyImageCompression == "01"
    assert ([said] if isinstance(said, str) else list(said)) == [method[syntax], *methods]
    raw = kind.rows * kind.columns * kind.samples
    ratio = float(ratios if not methods else ratios[0])
    assert ratio == pytest.approx(raw / len(silent.PixelData), rel=0.05)


def test_what_a_header_denies_is_not_cut_off(tmp_path: Path) -> None:
    """Twelve bits in the stream, ten in the header: that is no ringing, and no reason to lose highlights."""
    kind, native = Kind(allocated=16, stored=12), tmp_path / "native.dcm"
    source, target = tmp_path / "source.dcm", tmp_path / "lying.dcm"
    transcode(make(kind, tmp_path), source, ts.JPEG_EXTENDED)
    transcode(source, native, ts.EXPLICIT_VR_LITTLE_ENDIAN)
    ds = dcmread(source)
    ds.BitsStored, ds.HighBit = 10, 9
    transcode(save(ds, tmp_path / "said.dcm", ts.JPEG_EXTENDED), target, ts.EXPLICIT_VR_LITTLE_ENDIAN)
    shown = peers.cells(target, kind)
    assert shown.max() > 3000
    np.testing.assert_array_equal(shown, peers.cells(native, kind))


def test_photometric_interpretation_is_what_was_written(tmp_path: Path) -> None:
    source, target = make(Kind("RGB"), tmp_path), tmp_path / "target.dcm"
    written = {}
    for syntax in (*LOSSY, *LOSSLESS):
        if change_pixels(source, target, PixelPlan(transfer_syntax=syntax)).written:  # type: ignore[union-attr]
            written[syntax] = dcmread(target).PhotometricInterpretation
    assert written == {
        ts.JPEG_BASELINE: "YBR_FULL_422", ts.JPEG_EXTENDED: "YBR_FULL_422", ts.JPEG_LS_NEAR_LOSSLESS: "RGB",
        ts.JPEG_2000: "YBR_ICT", ts.JPEG_2000_LOSSLESS: "YBR_RCT", ts.HTJ2K_LOSSLESS: "YBR_RCT",
        ts.HTJ2K_LOSSLESS_RPCL: "YBR_RCT", ts.RLE_LOSSLESS: "RGB", ts.JPEG_LOSSLESS: "RGB", ts.JPEG_LOSSLESS_SV1: "RGB",
        ts.JPEG_LS_LOSSLESS: "RGB", ts.IMPLICIT_VR_LITTLE_ENDIAN: "RGB", ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: "RGB",
    }  # fmt: skip


def test_the_uid_is_a_version_8_uuid_of_all_three() -> None:
    uids = {
        lossy_uid(*words)
        for words in (
            ("1.2", "d", ts.JPEG_2000),
            ("1.3", "d", ts.JPEG_2000),
            ("1.2", "e", ts.JPEG_2000),
            ("1.2", "d", ts.JPEG_BASELINE),
        )
    }
    assert len(uids) == 4
    for uid in uids:
        number = int(uid.removeprefix("2.25."))
        assert (number >> 76 & 15, number >> 62 & 3) == (8, 2)


@pytest.mark.parametrize("syntax", [ts.JPEG_LS_NEAR_LOSSLESS, ts.JPEG_2000], ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("stored", [1, 2, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("allocated", [8, 16])
def test_few_bits_in_their_cells_are_near_enough_or_lose_none(
    allocated: int, stored: int, syntax: str, tmp_path: Path
) -> None:
    if stored > allocated:
        return
    kind, target = Kind(allocated=allocated, stored=stored), tmp_path / "target.dcm"
    outcome = change_pixels(make(kind, tmp_path), target, PixelPlan(transfer_syntax=syntax))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.lossy is (stored >= 6)
    if not outcome.lossy:
        assert outcome.transfer_syntax_uid == ts.EXPLICIT_VR_LITTLE_ENDIAN
        return
    theirs = theirs_of(target, syntax, kind)
    assert theirs is not None
    assert psnr(decoded(target, kind, tmp_path), picture(kind), kind) >= PSNR
    assert psnr(theirs, picture(kind), kind) >= PSNR


@pytest.mark.parametrize("encoder", [None, ("dcmcjpeg", "+eb", "+s2"), ("dcmcjpeg", "+eb", "+s4")])
def test_chrominance_of_an_odd_number_of_columns(encoder: tuple[str, ...] | None, tmp_path: Path) -> None:
    """In native pixels YBR_FULL_422 needs an even number, in JPEG it does not (PS3.3 C.7.6.3.1.2)."""
    kind = Kind("RGB", rows=47, columns=61)
    native, source, target = make(kind, tmp_path), tmp_path / "source.dcm", tmp_path / "target.dcm"
    if encoder is None:
        transcode(native, source, ts.JPEG_BASELINE)
    else:
        peers.run(*encoder, native, source)
    assert dcmread(source).PhotometricInterpretation.startswith("YBR_FULL")
    assert psnr(decoded(source, kind, tmp_path), picture(kind), kind) >= PSNR - 3
    outcome = change_pixels(source, target, PixelPlan(masks=(Mask("*", (Rectangle(0, 0, 61, 16),)),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.masked_frames == 1
    shown = decoded(target, kind, tmp_path)
    assert shown[:, :8].max() <= 2
    assert psnr(shown[:, 24:], picture(kind)[:, 24:], kind) >= PSNR - 3
