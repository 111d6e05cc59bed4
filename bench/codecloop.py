# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.codecloop SYNTAX FILE…`: seconds to encode the frames, and to encode, decode and compare them."""

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
    started = time.perf_counter()
    for frame in frames:
        way.encode(frame, coding)
    encoded = time.perf_counter()
    for frame in frames:
        if not np.array_equal(way.decode(way.encode(frame, coding), image), frame):
            sys.exit("a frame did not come back")
    print(encoded - started, time.perf_counter() - encoded)


if __name__ == "__main__":
    main()
