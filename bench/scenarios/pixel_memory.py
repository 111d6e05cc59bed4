# SPDX-License-Identifier: Apache-2.0
"""Peak Pss of the process and its worker while a multi-frame object of 512 MiB is masked or transcoded, or one that is
RLE by then is masked or decoded.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.pictures import multi_frame
from bench.processes import CannotRun, MemoryWatch
from bench.rows import Row
from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.workers.job import Done, Job, Limits
from dromos_gateway.workers.pool import Pool

FRAMES = 2048  # of 512 by 512 bytes
_MASK = (Mask("*", (Rectangle(0, 0, 512, 40), Rectangle(0, 480, 512, 32))),)
PLANS = {
    "mask": PixelPlan(masks=_MASK),
    "rle": PixelPlan(transfer_syntax=ts.RLE_LOSSLESS),
    "htj2k+mask": PixelPlan(masks=_MASK, transfer_syntax=ts.HTJ2K_LOSSLESS),
    "jpeg-ls": PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS),
    "jpeg-2000": PixelPlan(transfer_syntax=ts.JPEG_2000_LOSSLESS),
}
OF_RLE = {
    "rle, masked": PixelPlan(masks=_MASK),
    "rle, decoded": PixelPlan(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN, only_uncompressed=False),
}


def run(home: Path) -> Iterator[Row]:
    """Each plan once."""
    native, coded, target = multi_frame(home / "loop.dcm", FRAMES), home / "loop-rle.dcm", home / "loop-changed.dcm"
    for name, plan in PLANS.items():
        yield _measured(name, native, target, plan)
        if name == "rle":
            target.rename(coded)
    for name, plan in OF_RLE.items():
        yield _measured(name, coded, target, plan)
    coded.unlink()
    target.unlink()


def _measured(name: str, source: Path, target: Path, plan: PixelPlan) -> Row:
    with MemoryWatch(lambda: [os.getpid()], 0.02) as memory:
        started = time.perf_counter()
        masked = asyncio.run(_change(source, target, plan))
        seconds = round(time.perf_counter() - started, 3)
    size, peak = source.stat().st_size, round(memory.peak / 1e6, 1)
    what = f"{size >> 20} MiB in {seconds:.1f} s, {masked} frames masked, peak Pss {peak:.0f} MB"
    print(f"  {name}: {what}", file=sys.stderr, flush=True)
    return Row("pixel-memory", "loop", "dromos", name, 1, seconds, seconds, 0.0, peak, 1, size)


async def _change(source: Path, target: Path, plan: PixelPlan) -> int:
    async with Pool(1) as pool:
        job = Job[object]("dromos_gateway.pixels.change:change_pixels", (source, target, plan))
        answer = await pool.run(job, Limits.for_object(source.stat().st_size))
    if not isinstance(answer, Done) or not isinstance(answer.value, PixelsChanged):
        raise CannotRun(f"the object was not changed: {answer}")
    return answer.value.masked_frames
