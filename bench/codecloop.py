# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.codecloop SYNTAX FILE…`: seconds and processor seconds, a line for each way.

First encoding the frames, then encoding, decoding and comparing them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from pydicom import dcmread

from dromos_gateway.pixels.codecs.coding import Coding
from dromos_gateway.pixels.codecs.registry import codec
from dromos_gateway.pixels.image import Image


def main() -> None:
    """Nothing but the codec is inside the clock."""
    syntax, *names = sys.argv[1:]
    frames = []
    for name in names:
        ds = dcmread(Path(name))
        frames.append(np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns))
    image = Image(ds.Rows, ds.Columns, 1, "MONOCHROME2", 16, ds.BitsStored, high_bit=ds.BitsStored - 1)
    coding, way = Coding(image, ds.BitsStored, lossless=True), codec(syntax)
    way.decode(way.encode(frames[0], coding), image)
    started, spent = time.perf_counter(), time.process_time()
    for frame in frames:
        way.encode(frame, coding)
    print(time.perf_counter() - started, time.process_time() - spent)
    started, spent = time.perf_counter(), time.process_time()
    for frame in frames:
        if not np.array_equal(way.decode(way.encode(frame, coding), image), frame):
            sys.exit("a frame did not come back")
    print(time.perf_counter() - started, time.process_time() - spent)


if __name__ == "__main__":
    main()
