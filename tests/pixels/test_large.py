# SPDX-License-Identifier: Apache-2.0
"""Two thousand frames go through in the memory of a few."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from tests.pixels.samples import ULTRASOUND, Kind, dataset, save

FRAMES, SIDE = 2000, 320
MOST = 140  # MiB of resident memory, mapped files included; the object has 195
_MASK = Mask("*", (Rectangle(0, 0, SIDE, 20),))
PLANS = {
    "mask": PixelPlan(masks=(_MASK,)),
    "RLE": PixelPlan(transfer_syntax=ts.RLE_LOSSLESS),
    "mask and HTJ2K": PixelPlan(masks=(_MASK,), transfer_syntax=ts.HTJ2K_LOSSLESS),
    "deflated": PixelPlan(transfer_syntax=ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN),
}


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ds = dataset(Kind(sop_class=ULTRASOUND))
    ds.Rows, ds.Columns, ds.NumberOfFrames = SIDE, SIDE, FRAMES
    ds.PixelData = bytes(range(256)) * (SIDE * SIDE // 256) * FRAMES
    return save(ds, tmp_path_factory.mktemp("large") / "loop.dcm")


@pytest.mark.parametrize("name", PLANS)
def test_frame_by_frame(name: str, loop: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.dcm"
    done = subprocess.run(
        [sys.executable, "-m", "tests.pixels.test_large", loop, target, name], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= MOST
    ds = dcmread(target, defer_size=1024)
    if name in ("RLE", "mask and HTJ2K"):
        frames = list(generate_frames(ds.PixelData, number_of_frames=FRAMES))
        assert len(frames) == FRAMES
        assert len(set(frames)) == 1


def test_back_to_native(loop: Path, tmp_path: Path) -> None:
    coded, back = tmp_path / "coded.dcm", tmp_path / "back.dcm"
    assert isinstance(change_pixels(loop, coded, PLANS["RLE"]), PixelsChanged)
    plan = PixelPlan(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN, only_uncompressed=False)
    assert isinstance(change_pixels(coded, back, plan), PixelsChanged)
    assert dcmread(back).PixelData == dcmread(loop).PixelData


if __name__ == "__main__":
    outcome = change_pixels(Path(sys.argv[1]), Path(sys.argv[2]), PLANS[sys.argv[3]])
    assert isinstance(outcome, PixelsChanged)
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    print(int(peak[1]) // 1024)
