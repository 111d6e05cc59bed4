# SPDX-License-Identifier: Apache-2.0
"""What compression has cost an image before it came here, as its code streams have it. Headers often don't say."""

from __future__ import annotations

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.capability import METHOD
from dromos_gateway.pixels.codecs.streams import jpeg_2000_header, jpeg_header
from dromos_gateway.pixels.encapsulated import Encapsulated
from dromos_gateway.pixels.source import Pixels

_METHOD = {**METHOD, ts.HTJ2K: "ISO_15444_15"}


def lost_before(syntax: str, pixels: Pixels) -> tuple[str, float] | None:
    """The method and the ratio of a lossy compression that a source in a transfer syntax has; None without loss.

    Of JPEG 2000 that is reversible nobody can tell whether it was cut short.
    """
    known = ts.KNOWN.get(syntax)
    if known is None or not known.lossy or not isinstance(pixels.frames, Encapsulated):
        return None
    first = pixels.frames.frame(0)
    if known.family is ts.Family.JPEG_LS and jpeg_header(first).near == 0:
        return None
    if known.family is ts.Family.JPEG_2000 and jpeg_2000_header(first).reversible:
        return None
    return _METHOD[syntax], pixels.image.frame_bytes * len(pixels.frames) / max(pixels.frames.length, 1)
