# SPDX-License-Identifier: Apache-2.0
"""Lossless transcoding of CT slices in worker processes, file to file, beside the codec alone and other people's tools.

`dromos` runs on one worker and on as many as there are processors (`senders`). `codec` is a plain loop over the same
frames with the same library, in one process and in one for each processor: `encode` alone; `verified` with the decoding
and comparing that lossless transcoding includes, all in memory, which the ratios shown first are to; `files` does the
same from file to file, as transcoding must, and makes no DICOM of it. Both write over a few files again and again, as a
gateway does with those of what it has delivered. Ratios are to as many loops as there are workers.
DCMTK and GDCM start a process for each file, as their command lines do, one after the other, and verify nothing.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from bench.pictures import ct
from bench.processes import CannotRun, cpu_seconds
from bench.rows import Row
from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.workers.job import Done, Job, Limits
from dromos_gateway.workers.pool import Pool
from dromos_gateway.workers.worker import environment

ROUNDS = 3
FILES = 16
_WAYS = ("encode", "verified", "files")
_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
_STARTED = Job[object]("time:sleep", (1.0,))  # long enough for the other workers to come, too
_FUNCTION = "dromos_gateway.pixels.change:change_pixels"
SYNTAXES = {"rle": ts.RLE_LOSSLESS, "jpeg-ls": ts.JPEG_LS_LOSSLESS, "jpeg-2000": ts.JPEG_2000_LOSSLESS}
COUNTS = {"rle": 200, "jpeg-ls": 120, "jpeg-2000": 40}
_PEERS: dict[str, dict[str, tuple[str, ...]]] = {
    "rle": {"dcmtk": ("dcmcrle",), "gdcm": ("gdcmconv", "--rle")},
    "jpeg-ls": {"dcmtk": ("dcmcjpls",), "gdcm": ("gdcmconv", "--jpegls")},
    "jpeg-2000": {"gdcm": ("gdcmconv", "--j2k")},
}


def run(home: Path) -> Iterator[Row]:
    """Every syntax in turn; in each round everybody, one after the other."""
    for name, syntax in SYNTAXES.items():
        files = ct(home / "ct-pictures", COUNTS["rle"])[: COUNTS[name]]
        for number in range(ROUNDS):
            rows = list(_round(home, name, syntax, files))
            for row in rows:
                print(f"  {number + 1}/{ROUNDS} {_shown(row, rows)}", file=sys.stderr, flush=True)
            yield from rows


def _round(home: Path, name: str, syntax: str, files: Sequence[Path]) -> Iterator[Row]:
    for workers in (1, os.cpu_count() or 1):
        for kind, (seconds, cpu) in zip(_WAYS, _alone(home, syntax, files, workers), strict=True):
            yield _row(name, f"codec-{kind}", workers, seconds, cpu, files)
        seconds, cpu = uvloop.run(_dromos(home, syntax, files, workers))  # as in a gateway
        yield _row(name, "dromos", workers, seconds, cpu, files)
    for system, command in _PEERS[name].items():
        yield _row(name, system, 1, *_peer(home, command, files), files)


def _alone(home: Path, syntax: str, files: Sequence[Path], loops: int) -> list[tuple[float, float]]:
    """Plain loops at the same time, in processes with the workers' environment: seconds and processor seconds of all,
    for each way.
    """
    out = emptied(home / "transcoded")
    command = [sys.executable, "-m", "bench.codecloop", syntax, str(out)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([*command, *files[first::loops]], env=environment(), text=True, **_PIPES)
            )
            for first in range(loops)
        ]
        return [_way(running) for _ in _WAYS]


def _way(running: Sequence[subprocess.Popen[str]]) -> tuple[float, float]:
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    took = []
    for process in running:
        assert process.stdout is not None
        if not (line := process.stdout.readline()):
            raise CannotRun("a plain loop ended early")
        took.append([float(word) for word in line.split()])
    return max(seconds for seconds, _ in took), sum(cpu for _, cpu in took)


async def _dromos(home: Path, syntax: str, files: Sequence[Path], workers: int) -> tuple[float, float]:
    out = emptied(home / "transcoded")
    plan = PixelPlan(transfer_syntax=syntax)
    jobs = [Job[object](_FUNCTION, (file, out / f"{number % FILES}.dcm", plan)) for number, file in enumerate(files)]
    async with Pool(workers) as pool:
        await asyncio.gather(*(pool.run(_STARTED, Limits()) for _ in range(workers)))
        await asyncio.gather(*(pool.run(job, Limits()) for job in jobs[:workers]))  # each has one, and imports
        emptied(out)
        pids = [os.getpid()]
        started, spent = time.perf_counter(), cpu_seconds(pids)
        lanes = await asyncio.gather(*(_in_turn(pool, jobs[first::FILES]) for first in range(FILES)))
        seconds, spent = time.perf_counter() - started, cpu_seconds(pids) - spent
    if not all(
        isinstance(answer, Done) and isinstance(answer.value, PixelsChanged) for lane in lanes for answer in lane
    ):
        raise CannotRun(f"an image was not transcoded to {syntax}")
    return seconds, spent


async def _in_turn(pool: Pool, jobs: Sequence[Job[object]]) -> list[object]:
    return [await pool.run(job, Limits()) for job in jobs]


def _peer(home: Path, command: tuple[str, ...], files: Sequence[Path]) -> tuple[float, float]:
    out = emptied(home / "transcoded")
    started, spent = time.perf_counter(), _ended_children()
    for file in files:
        subprocess.run([*command, file, out / file.name], check=True, capture_output=True)
    return time.perf_counter() - started, _ended_children() - spent


def _ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _row(variant: str, system: str, workers: int, seconds: float, cpu: float, files: Sequence[Path]) -> Row:
    size = sum(file.stat().st_size for file in files)
    wall = round(seconds, 4)
    return Row("transcode", "ct", system, variant, workers, wall, wall, round(cpu, 3), 0.0, len(files), size)


def _shown(row: Row, rows: Sequence[Row]) -> str:
    wall, cpu = row.delivered_s / row.instances * 1000, row.cpu_s / row.instances * 1000
    what = f"{row.variant:<10}{row.system:<16}x{row.senders} {wall:7.2f} ms an image, {cpu:6.2f} ms of processor"
    ratios = []
    for system, name in (("codec-verified", "the codec's"), ("codec-files", "with files")):
        codec = next(other for other in rows if other.system == system and other.senders == row.senders)
        times, of_processor = row.delivered_s / codec.delivered_s, row.cpu_s / codec.cpu_s
        ratios.append(f"to {name} {times:5.2f} wall {of_processor:5.2f} processor")
    return f"{what}; {', '.join(ratios)}"
