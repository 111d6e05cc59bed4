# SPDX-License-Identifier: Apache-2.0
"""Masks on uncompressed CT slices, file to file in worker processes, beside copying the same files there; then the same
delivered, through gateways that mask them, de-identify them, do both, and pass them on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import rounds
from bench.pictures import ct
from bench.processes import CannotRun
from bench.rounds import Setting
from bench.rows import Row
from bench.scenarios.transcode import ROUNDS, emptied
from bench.systems.deidentifying import Deidentifying, outgoing
from bench.systems.dromos import Dromos
from bench.workloads import Batch
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import MaskValues, PixelPlan
from dromos_gateway.workers.job import Done, Job, Limits
from dromos_gateway.workers.pool import Pool

COUNT = 400
ROUNDS_DELIVERED = 5
_PLAN = PixelPlan(
    masks=(Mask("*", (Rectangle(0, 0, 512, 30), Rectangle(0, 480, 200, 32))),),
    mask_values=MaskValues(burned_in_annotation="YES"),
)
_JOBS = {"dromos": "dromos_gateway.pixels.change:change_pixels", "copy": "shutil:copyfile"}
_MASKING = {"name": "text", "codename": "clean.pixel.data"}
_BASIC = {"name": "all", "codename": "basic.dicom.profile"}


class Changing(Deidentifying):
    """The gateway with a Project of these profile elements; its name is theirs."""

    def __init__(self, name: str, *elements: Mapping[str, str]) -> None:
        profile = {
            "name": "bench",
            "version": "1",
            "masks": [{"stationName": "*", "rectangles": ["0 0 512 30", "0 440 200 32"]}],
            "profileElements": elements,
        }
        morphing = _BASIC not in elements
        super().__init__(name, profile, uncleanable="Hold" if _MASKING in elements else "Allow", only_morphing=morphing)
        self.outgoing = str if morphing else outgoing


def run(home: Path) -> Iterator[Row]:
    """File to file, then delivered."""
    yield from _file_to_file(home)
    yield from _delivered(home)


def _delivered(home: Path) -> Iterator[Row]:
    """In each round all of them, one after the other. Such images warm them up, too: workers import on demand."""
    sent, warming = _batch(home / "ct-with-text", COUNT), _batch(home / "ct-to-warm-up", 20)
    plain = Setting("mask", "ct", "delivered")
    for number in range(ROUNDS_DELIVERED):
        both = Changing("deid+mask", _MASKING, _BASIC)
        for system in (Dromos(), Changing("mask", _MASKING), Changing("deid", _BASIC), both):
            setting = replace(plain, outgoing=system.outgoing) if isinstance(system, Changing) else plain
            row = rounds.run(home / "round", system, setting, [sent], warming)
            text = f"{system.name:<10}{row.delivered_s:6.2f} s, {row.cpu_s:5.2f} s of processor"
            print(f"  {number + 1}/{ROUNDS_DELIVERED} delivered {text}", file=sys.stderr, flush=True)
            yield row


def _batch(folder: Path, count: int) -> Batch:
    files = ct(folder, count, burned_in="YES")
    return Batch(folder, count, sum(file.stat().st_size for file in files))


def _file_to_file(home: Path) -> Iterator[Row]:
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
