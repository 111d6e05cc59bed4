# SPDX-License-Identifier: Apache-2.0
"""Which codec is for which transfer syntax; each is imported when it is first asked for."""

from __future__ import annotations

from functools import lru_cache

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.codecs.coding import Codec
from dromos_gateway.pixels.outcome import Unfit


@lru_cache(maxsize=32)
def codec(syntax: str, *, keeps_ybr: bool = False) -> Codec:
    """The codec for an encapsulated transfer syntax; `keeps_ybr`: lossy JPEG is not turned into RGB."""
    known = ts.KNOWN.get(syntax)
    if known is None or known.family is ts.Family.NATIVE:
        raise Unfit(f"transfer syntax {syntax} has no codec here")
    if known.family is ts.Family.RLE:
        from dromos_gateway.pixels.codecs.rle import Rle

        return Rle()
    if known.family is ts.Family.JPEG:
        from dromos_gateway.pixels.codecs.jpeg import Jpeg

        return Jpeg(lossy=known.lossy, keeps_ybr=keeps_ybr)
    if known.family is ts.Family.JPEG_LS:
        from dromos_gateway.pixels.codecs.jpegls import JpegLs

        return JpegLs()
    from dromos_gateway.pixels.codecs.jpeg2000 import HighThroughput, Jpeg2000

    if syntax in (ts.HTJ2K_LOSSLESS, ts.HTJ2K_LOSSLESS_RPCL, ts.HTJ2K):
        return HighThroughput()
    return Jpeg2000()
