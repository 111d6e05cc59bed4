# SPDX-License-Identifier: Apache-2.0
"""Masks on uncompressed CT slices, file to file in worker processes, beside copying the same files there."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.pictures import ct
from bench.processes import CannotRun
from bench.rows import Row
from bench.scenarios.transcode import ROUNDS, emptied
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import MaskValues, PixelPlan
from dromos_gateway.workers.job import Done, Job, Limits
from dromos_gateway.workers.pool import Pool

COUNT = 400
_PLAN = PixelPlan(
    masks=(Mask("*", (Rectangle(0, 0, 512, 30), Rectangle(0, 480, 200, 32))),),
    mask_values=MaskValues(burned_in_annotation="YES"),
)
_JOBS = {"dromos": "dromos_gateway.pixels.change:change_pixels", "copy": "shutil:copyfile"}


def run(home: Path) -> Iterator[Row]:
    """In each round both, one after the other."""
    files = ct(home / "ct-pictures", COUNT)
    size = sum(file.stat().st_size for file in files)
    for number in range(ROUNDS):
        for system in _JOBS:
            seconds = round(asyncio.run(_all(emptied(home / "masked"), system, files)), 4)
            text = f"{system:<8}{seconds / COUNT * 1000:6.2f} ms an image"
            print(f"  {number + 1}/{ROUNDS} {text}", file=sys.stderr, flush=True)
            yield Row("mask", "ct", system, "native", os.cpu_count() or 1, seconds, seconds, 0.0, 0.0, COUNT, size)


async def _all(out: Path, system: str, files: Sequence[Path]) -> float:
    arguments = [(file, out / file.name) if system == "copy" else (file, out / file.name, _PLAN) for file in files]
    jobs = [Job[object](_JOBS[system], argument) for argument in arguments]
    async with Pool() as pool:
        await asyncio.gather(*(pool.run(job, Limits()) for job in jobs[:4]))  # starts the workers
        emptied(out)
        started = time.perf_counter()
        answers = await asyncio.gather(*(pool.run(job, Limits()) for job in jobs))
        seconds = time.perf_counter() - started
    for answer in answers:
        if not isinstance(answer, Done) or (system == "dromos" and not isinstance(answer.value, PixelsChanged)):
            raise CannotRun(f"{system}: {answer}")
    return seconds
