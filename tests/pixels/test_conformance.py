# SPDX-License-Identifier: Apache-2.0
"""dciodvfy finds nothing wrong with what is written that was not wrong before."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels import peers
from tests.pixels.samples import KINDS, Kind, make

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
