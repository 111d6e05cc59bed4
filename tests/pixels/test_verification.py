# SPDX-License-Identifier: Apache-2.0
"""A codec that gives back something else than it was given: held, whatever the syntax and however small the difference.

What is spoilt is the encoder's work; that it is noticed is the doing of the real decoder and the real comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels import frames
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.codecs.coding import Codec, Coding
from dromos_gateway.pixels.codecs.registry import codec
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Buffer, Raster
from dromos_gateway.pixels.outcome import Held, PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels.samples import Kind, make, ultrasound

ENCODED = tuple(
    uid for uid in ts.KNOWN
    if uid in ts.ENCODED and not ts.KNOWN[uid].lossy and ts.KNOWN[uid].family is not ts.Family.NATIVE
)  # fmt: skip
KINDS = (Kind(), Kind(allocated=16, stored=12, frames=3), Kind(allocated=16, stored=16, signed=True), Kind("RGB"))


@dataclass
class Spoilt:
    """Encodes the `bad`th frame with one sample changed by `by`, the others as they are."""

    way: Codec
    bad: int
    by: int = 1
    encoded: int = 0

    def decode(self, stream: Buffer, image: Image) -> Raster:
        return self.way.decode(stream, image)

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        self.encoded += 1
        if self.encoded == self.bad:
            raster = raster.copy()
            place = np.unravel_index(raster.size // 2, raster.shape)
            raster[place] = raster[place] + self.by if raster[place] < 100 else raster[place] - self.by
        return self.way.encode(raster, coding)


def spoil(monkeypatch: pytest.MonkeyPatch, bad: int, by: int = 1) -> None:
    made: dict[str, Spoilt] = {}

    def spoilt(syntax: str, *, keeps_ybr: bool = False) -> Spoilt:
        return made.setdefault(syntax, Spoilt(codec(syntax, keeps_ybr=keeps_ybr), bad, by))

    monkeypatch.setattr(frames, "codec", spoilt)


@pytest.mark.parametrize("syntax", ENCODED, ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_one_sample_that_differs_by_one_holds_the_image(
    kind: Kind, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, plan = make(kind, tmp_path), tmp_path / "target.dcm", PixelPlan(transfer_syntax=syntax)
    original = source.read_bytes()
    spoil(monkeypatch, bad=kind.frames)
    assert change_pixels(source, target, plan) == Held(
        "VerificationFailed", f"{ts.KNOWN[syntax].name} did not give back what was encoded"
    )
    assert not target.exists()
    assert source.read_bytes() == original
    spoil(monkeypatch, bad=kind.frames + 1)
    assert isinstance(change_pixels(source, target, plan), PixelsChanged)


@pytest.mark.parametrize("syntax", [ts.JPEG_LS_LOSSLESS, ts.RLE_LOSSLESS, ts.JPEG_2000_LOSSLESS])
def test_masked_frames_are_verified_too(syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source.dcm", tmp_path / "target.dcm"
    assert isinstance(
        change_pixels(make(ultrasound(), tmp_path), source, PixelPlan(transfer_syntax=syntax)), PixelsChanged
    )
    spoil(monkeypatch, bad=4)
    outcome = change_pixels(source, target, PixelPlan(masks=(Mask("*", (Rectangle(0, 0, 9, 9),)),)))
    assert isinstance(outcome, Held)
    assert outcome.reason == "VerificationFailed"
    assert not target.exists()


def test_near_lossless_may_differ_by_what_was_allowed_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are allowed; five more than that can't come from the coding."""
    source, target = make(Kind(), tmp_path), tmp_path / "target.dcm"
    plan = PixelPlan(transfer_syntax=ts.JPEG_LS_NEAR_LOSSLESS)
    spoil(monkeypatch, bad=1, by=7)
    outcome = change_pixels(source, target, plan)
    assert isinstance(outcome, Held)
    assert outcome.reason == "VerificationFailed"
    spoil(monkeypatch, bad=0)
    assert isinstance(change_pixels(source, target, plan), PixelsChanged)


@dataclass
class Mistaken:
    """Encodes the negative of what it is given."""

    way: Codec

    def decode(self, stream: Buffer, image: Image) -> Raster:
        return self.way.decode(stream, image)

    def encode(self, raster: Raster, coding: Coding) -> bytes:
        return self.way.encode(~raster, coding)


@pytest.mark.parametrize("syntax", [ts.JPEG_BASELINE, ts.JPEG_EXTENDED, ts.JPEG_2000])
@pytest.mark.parametrize("kind", [Kind(), Kind("RGB"), Kind("YBR_FULL")], ids=lambda kind: kind.name)
def test_loss_is_no_excuse_for_another_picture(
    kind: Kind, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = PixelPlan(transfer_syntax=syntax)
    source, target = make(kind, tmp_path), tmp_path / "target.dcm"
    with monkeypatch.context() as patch:
        patch.setattr(frames, "codec", lambda uid, *, keeps_ybr=False: Mistaken(codec(uid, keeps_ybr=keeps_ybr)))
        outcome = change_pixels(source, target, plan)
    assert isinstance(outcome, Held)
    assert outcome.reason == "VerificationFailed"
    assert isinstance(change_pixels(source, target, plan), PixelsChanged)


@pytest.mark.parametrize("kind", ["u1", "i1", "<u2", ">u2", "<i2", "<u4", "<f4", "<f8"])
@pytest.mark.parametrize("shape", [(3, 3), (7, 5), (8, 8), (5, 8, 3)])
def test_frames_that_differ_anywhere_are_not_the_same(kind: str, shape: tuple[int, ...]) -> None:
    """In the first and the last of them, too, whatever eight bytes at a time make of it, and wherever they lie."""
    one = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    odd = np.frombuffer(b"x" + one.tobytes(), one.dtype, offset=1).reshape(shape)
    for other in (one.copy(), np.asfortranarray(one), odd):
        assert frames.equal(one, other)
        for place in (0, one.size // 2, one.size - 1):
            changed = other.copy()
            changed.flat[place] += 1
            assert not frames.equal(one, changed)
