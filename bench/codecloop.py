# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.codecloop SYNTAX OUT FILE…`: seconds and processor seconds, a line for each way.

First encoding the frames; then encoding, decoding and comparing them; then the same with each frame read from its file
and its stream written into one of a few below OUT, over what is there. The first two have all frames in memory. Each
way waits for a line on standard input, so that several such loops run at the same time, one for each core.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread

from dromos_gateway.pixels.codecs.coding import Coding
from dromos_gateway.pixels.codecs.registry import codec
from dromos_gateway.pixels.frames import equal
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.native import Raster
from dromos_gateway.pixels.writing import Target


def main() -> None:
    """Nothing but the codec, and at last reading and writing, is inside the clock."""
    syntax, out, *names = sys.argv[1:]
    frames = []
    for name in names:
        ds = dcmread(Path(name))
        frames.append(np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns))
    image = Image(ds.Rows, ds.Columns, 1, "MONOCHROME2", 16, ds.BitsStored, high_bit=ds.BitsStored - 1)
    coding, way = Coding(image, ds.BitsStored, lossless=True), codec(syntax)

    def verified(frame: Raster) -> bytes:
        stream = way.encode(frame, coding)
        if not equal(way.decode(stream, image), frame):
            sys.exit("a frame did not come back")
        return stream

    def from_file_to_file(name: str) -> None:
        content = Path(name).read_bytes()
        frame = np.frombuffer(content, "<u2", frames[0].size, len(content) - frames[0].nbytes)
        with Target(Path(out, f"{os.getpid()}-{next(number) % 16}")) as target:
            target.write(verified(frame.reshape(frames[0].shape)))

    number = count()
    verified(frames[0])
    _timed(lambda frame: way.encode(frame, coding), frames)
    _timed(verified, frames)
    _timed(from_file_to_file, names)


def _timed(work: Callable[[Any], object], parts: Sequence[object]) -> None:
    sys.stdin.readline()
    started, spent = time.perf_counter(), time.process_time()
    for part in parts:
        work(part)
    print(time.perf_counter() - started, time.process_time() - spent, flush=True)


if __name__ == "__main__":
    main()
