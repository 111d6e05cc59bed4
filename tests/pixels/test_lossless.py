# SPDX-License-Identifier: Apache-2.0
"""Lossless pairs are bit-exact by two decoders that are not ours, in every kind of pixels.

A bounded sample of source and target syntaxes; DROMOS_PIXELS=whole runs every pair (`make test-pixels`).
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers
from tests.pixels.samples import KINDS, Kind, make, picture

LOSSLESS = tuple(uid for uid in ts.KNOWN if uid in ts.ENCODED and not ts.KNOWN[uid].lossy)
SOURCES = (*LOSSLESS, ts.EXPLICIT_VR_BIG_ENDIAN)
WHOLE = os.environ.get("DROMOS_PIXELS") == "whole"
DECODERS = (
    peers.by_dcmtk, peers.by_gdcm, peers.by_openjpeg, peers.by_ffmpeg, peers.by_jpegsof3, peers.by_pydicom,
)  # fmt: skip
# What no codec of a family can hold is sent as it is, or in Explicit VR Little Endian.
NATIVE = (ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)


def can_hold(syntax: str, kind: Kind) -> bool:
    """What the standard and the libraries allow, said here once more by hand."""
    if syntax in NATIVE:
        return True
    if kind.real or kind.allocated == 1:
        return False
    if kind.allocated == 32:
        in_openjpeg = syntax == ts.JPEG_2000_LOSSLESS and kind.stored <= 24
        return syntax == ts.RLE_LOSSLESS or in_openjpeg
    return True


def transcode(source: Path, target: Path, syntax: str) -> PixelsChanged:
    outcome = change_pixels(source, target, PixelPlan(transfer_syntax=syntax, only_uncompressed=False))
    assert isinstance(outcome, PixelsChanged), outcome
    return outcome


def exact_by(
    decoder: Callable[[Path, str, Kind], np.ndarray], path: Path, syntax: str, kind: Kind, wanted: np.ndarray
) -> bool:
    """Whether the decoder answers, and then it must agree bit for bit."""
    try:
        decoded = decoder(path, syntax, kind)
    except peers.Refused:
        return False
    if kind.overlay and decoder in (peers.by_gdcm, peers.by_pydicom):  # they clear unused bits of some syntaxes
        decoded, wanted = decoded & 0xFFF, wanted & 0xFFF
    np.testing.assert_array_equal(peers.stored_bits(decoded, kind), peers.stored_bits(wanted, kind))
    return True


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_encoded_is_exact_to_others(kind: Kind, syntax: str, tmp_path: Path) -> None:
    source, target = make(kind, tmp_path, ts.EXPLICIT_VR_BIG_ENDIAN), tmp_path / "target.dcm"
    if not kind.in_big_endian:
        other = ts.EXPLICIT_VR_LITTLE_ENDIAN if syntax == ts.IMPLICIT_VR_LITTLE_ENDIAN else ts.IMPLICIT_VR_LITTLE_ENDIAN
        source = make(kind, tmp_path, other)
    outcome = transcode(source, target, syntax)
    if not can_hold(syntax, kind):
        assert outcome.transfer_syntax_uid == ts.EXPLICIT_VR_LITTLE_ENDIAN
        np.testing.assert_array_equal(peers.cells(target, kind), picture(kind))
        return
    assert outcome.transfer_syntax_uid == syntax
    assert outcome.sop_instance_uid == dcmread(target).SOPInstanceUID == dcmread(source).SOPInstanceUID
    if syntax == ts.EXPLICIT_VR_LITTLE_ENDIAN:
        np.testing.assert_array_equal(peers.cells(target, kind), picture(kind))
    agreed = [decoder.__name__ for decoder in DECODERS if exact_by(decoder, target, syntax, kind, picture(kind))]
    back = tmp_path / "back.dcm"
    if transcode(target, back, ts.EXPLICIT_VR_LITTLE_ENDIAN).written:
        np.testing.assert_array_equal(peers.cells(back, kind), picture(kind))
    assert len(agreed) >= expected_decoders(syntax, kind), agreed


def expected_decoders(syntax: str, kind: Kind) -> int:
    """How many that are not ours must agree: two, but for what only one of them can decode."""
    if ts.KNOWN[syntax].family is ts.Family.JPEG_LS and (kind.samples, kind.allocated) == (3, 16):
        return 1  # GDCM gives its samples in the wrong order, FFmpeg does not know it
    return 2


def _pairs() -> list[tuple[Kind, str, str]]:
    pairs = [
        (kind, source, target)
        for kind, source, target in itertools.product(KINDS, SOURCES, LOSSLESS)
        if source != target and can_hold(target, kind)
        and (can_hold(source, kind) if source != ts.EXPLICIT_VR_BIG_ENDIAN else kind.in_big_endian)
    ]  # fmt: skip
    return pairs if WHOLE else random.Random(4).sample(pairs, 200)


def encoded(kind: Kind, syntax: str, folder: Path) -> Path:
    """An image of a kind in a transfer syntax: made in it where it is native, else transcoded."""
    native = make(
        kind, folder, syntax if syntax in (*NATIVE, ts.EXPLICIT_VR_BIG_ENDIAN) else ts.EXPLICIT_VR_LITTLE_ENDIAN
    )
    if ts.KNOWN[syntax].family is ts.Family.NATIVE:
        return native
    transcode(native, folder / "source.dcm", syntax)
    return folder / "source.dcm"


def name_of(part: Kind | str) -> str:
    """What a test's id says of a kind or a transfer syntax."""
    return part.name if isinstance(part, Kind) else ts.KNOWN[part].name


@pytest.mark.parametrize(("kind", "first", "second"), _pairs(), ids=name_of)
def test_any_pair_is_exact(kind: Kind, first: str, second: str, tmp_path: Path) -> None:
    source = encoded(kind, first, tmp_path)
    target, back = tmp_path / "target.dcm", tmp_path / "back.dcm"
    assert transcode(source, target, second).transfer_syntax_uid == second
    written = transcode(target, back, ts.EXPLICIT_VR_LITTLE_ENDIAN).written
    np.testing.assert_array_equal(peers.cells(back if written else target, kind), picture(kind))


_FOREIGN = [("dcmtk", uid) for uid in peers.DCMTK_ENCODERS if not ts.KNOWN[uid].lossy]
_FOREIGN += [("gdcm", uid) for uid in peers.GDCM_ENCODERS]


def _kinds_for(by: str) -> list[Kind]:
    kinds = [kind for kind in KINDS if not kind.real and kind.allocated in (8, 16) and not kind.overlay]
    # DCMTK 3.6.7 compresses colour by plane in a way that it does not undo itself
    return [kind for kind in kinds if by == "gdcm" or not kind.planar]


@pytest.mark.parametrize(("by", "syntax"), _FOREIGN)
def test_what_others_encode_is_read_exactly(by: str, syntax: str, tmp_path: Path) -> None:
    read = set()
    for kind in _kinds_for(by):
        folder = tmp_path / kind.name
        folder.mkdir()
        if _is_read_exactly(kind, by, syntax, folder):
            read.add(kind.allocated)
    assert read == {8, 16}, f"{by} encoded no kind of pixels of some depth: only {read}"


def _is_read_exactly(kind: Kind, by: str, syntax: str, folder: Path) -> bool:
    """Whether the other encoder takes this kind; what it then writes must come out exactly."""
    native, source, target = make(kind, folder), folder / "source.dcm", folder / "target.dcm"
    try:
        if by == "dcmtk":
            peers.run(*peers.DCMTK_ENCODERS[syntax], native, source)
        else:
            peers.run("gdcmconv", peers.GDCM_ENCODERS[syntax], native, source)
    except peers.Refused:
        return False
    known_as = dcmread(source, stop_before_pixels=True)
    outcome = change_pixels(
        source, target, PixelPlan(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN, only_uncompressed=False)
    )
    assert isinstance(outcome, PixelsChanged), (outcome, known_as.PhotometricInterpretation)
    wanted = picture(kind)
    if known_as.PhotometricInterpretation != kind.photometric and kind.photometric.startswith("YBR"):
        wanted = peers.cells(native, kind)
    got = peers.stored_bits(peers.cells(target, kind), kind)
    np.testing.assert_array_equal(got, peers.stored_bits(wanted, kind), err_msg=f"{kind.name} by {by}")
    return True


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize(
    "kind",
    [Kind(allocated=16, stored=8), Kind(allocated=16, stored=2), Kind(allocated=32, stored=16)],
    ids=lambda kind: kind.name,
)
def test_few_bits_in_large_cells_are_exact_to_others_masked_or_not(kind: Kind, syntax: str, tmp_path: Path) -> None:
    source, target, masked = make(kind, tmp_path), tmp_path / "target.dcm", tmp_path / "masked.dcm"
    if transcode(source, target, syntax).transfer_syntax_uid != syntax:
        assert not can_hold(syntax, kind)
        return
    source = target if target.exists() else source
    outcome = change_pixels(source, masked, PixelPlan(masks=(Mask("*", (Rectangle(0, 0, 9, 9),)),)))
    assert isinstance(outcome, PixelsChanged)
    drawn = picture(kind).copy()
    drawn[:, :9, :9] = 0
    for path, wanted in ((source, picture(kind)), (masked, drawn)):
        agreed = [decoder.__name__ for decoder in DECODERS if exact_by(decoder, path, syntax, kind, wanted)]
        assert len(agreed) >= expected_decoders(syntax, kind), agreed


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize(
    "kind",
    [
        Kind(rows=1, columns=1),
        Kind("RGB", rows=1, columns=3, frames=3),
        Kind(allocated=16, stored=12, signed=True, rows=1, columns=7),
        Kind(rows=7, columns=1),
        Kind(rows=16, columns=16),
        Kind(allocated=8, stored=1),
        Kind(allocated=16, stored=1),
        Kind("RGB", 16, 12, planar=1, rows=33, columns=31),
        Kind("YBR_FULL", stored=5, planar=1, rows=5, columns=1, frames=2),
        Kind("YBR_FULL", rows=3, columns=3),
    ],
    ids=lambda kind: f"{kind.name}-{kind.rows}-{kind.columns}",
)
def test_the_smallest_images_and_depths_go_as_they_can(kind: Kind, syntax: str, tmp_path: Path) -> None:
    """Where a codec does not take them, uncompressed: such a picture is no reason for a dead letter."""
    source, target, back = make(kind, tmp_path), tmp_path / "target.dcm", tmp_path / "back.dcm"
    outcome = transcode(source, target, syntax)
    too_small = kind.rows * kind.columns * kind.samples * kind.allocated // 8 < 256 or kind.stored < 2
    refused = ts.KNOWN[syntax].family is ts.Family.JPEG_LS and too_small
    assert outcome.transfer_syntax_uid == (ts.EXPLICIT_VR_LITTLE_ENDIAN if refused else syntax)
    shown = target if outcome.written else source
    if transcode(shown, back, ts.EXPLICIT_VR_LITTLE_ENDIAN).written:
        shown = back
    np.testing.assert_array_equal(peers.cells(shown, kind), picture(kind))
