# SPDX-License-Identifier: Apache-2.0
"""What a transfer syntax can hold of an image, and what the image is called then (PS3.5 8.2, PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from dataclasses import replace

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.image import YBR_OF_JPEG_2000, Image

_HTJ2K = frozenset((ts.HTJ2K_LOSSLESS, ts.HTJ2K_LOSSLESS_RPCL))
_JPEG_LOSSY = frozenset((ts.JPEG_BASELINE, ts.JPEG_EXTENDED))
_MOST_NATIVE = 0xFFFFFFFE
_OPENJPEG_BITS = 24
_LEAST_TO_LOSE_OF = 6  # bits: an error of 2 in 32 steps would be below 30 dB
_LEAST_OF_CHARLS = 256  # bytes: its binding makes room for twice a frame, header included; noise of 143 had too little

# What lossy encoders aim at. JPEG: libjpeg's quality; JPEG-LS: the error allowed; JPEG 2000: signal-to-noise ratio, dB.
QUALITY = {ts.JPEG_BASELINE: 90.0, ts.JPEG_EXTENDED: 90.0, ts.JPEG_LS_NEAR_LOSSLESS: 2.0, ts.JPEG_2000: 50.0}
METHOD = {
    ts.JPEG_BASELINE: "ISO_10918_1", ts.JPEG_EXTENDED: "ISO_10918_1",
    ts.JPEG_LS_NEAR_LOSSLESS: "ISO_14495_1", ts.JPEG_2000: "ISO_15444_1",
}  # fmt: skip


def decoded(syntax: str, image: Image) -> Image:
    """The image in the form in which its frames are decoded: colour by pixel, subsampling and transforms undone."""
    photometric = image.photometric
    if photometric in YBR_OF_JPEG_2000 or (syntax in _JPEG_LOSSY and image.samples == 3):
        photometric = "RGB"
    elif photometric == "YBR_FULL_422":
        photometric = "YBR_FULL"
    return replace(image, photometric=photometric, planar=False)


def encoded(syntax: str, image: Image) -> Image:
    """What the header says once a decoded image is encoded."""
    photometric = image.photometric
    if image.samples == 3:
        if syntax in _JPEG_LOSSY:
            photometric = "YBR_FULL_422"
        elif photometric == "RGB" and ts.KNOWN[syntax].family is ts.Family.JPEG_2000:
            photometric = "YBR_ICT" if ts.KNOWN[syntax].lossy else "YBR_RCT"
    return replace(image, photometric=photometric, planar=syntax == ts.RLE_LOSSLESS and image.samples == 3)


def obstacle(syntax: str, image: Image) -> str | None:
    """Why a decoded image can't be encoded in a syntax; None when nothing is in the way."""
    known = ts.KNOWN[syntax]
    if known.family is ts.Family.NATIVE:
        return "it is larger than 4 GiB uncompressed" if image.native_bytes > _MOST_NATIVE else None
    if image.is_float or image.allocated in (1, 64):
        return f"its pixels are {'floating point' if image.is_float else f'{image.allocated} bit'} numbers"
    if image.photometric.startswith("YBR_PARTIAL"):
        return f"{image.photometric} is not supported"
    if syntax == ts.JPEG_LS_NEAR_LOSSLESS and image.signed:
        return "near-lossless JPEG-LS knows no signed pixels"
    if known.lossy and (image.photometric == "PALETTE COLOR" or not image.plain):
        return "its pixels are no intensities in the lowest bits"
    if known.lossy and image.stored < _LEAST_TO_LOSE_OF:
        return f"{image.stored} bits are too few to lose any"
    return _too_deep(syntax, known, image)


def _too_deep(syntax: str, known: ts.TransferSyntax, image: Image) -> str | None:
    if known.family is ts.Family.RLE:
        return None
    most = 16
    if syntax in _HTJ2K:
        return None if image.allocated <= most else "High-Throughput JPEG 2000 of 32 bits is read by few"
    if known.family is ts.Family.JPEG_2000:
        most = _OPENJPEG_BITS
    elif syntax in _JPEG_LOSSY:
        if image.signed:
            return "lossy JPEG knows no signed pixels"
        if image.samples == 3 or syntax == ts.JPEG_BASELINE or image.allocated == 8:
            return None if image.stored == image.allocated == 8 else f"{known.name} takes 8 bits, it has {image.stored}"
        return None if 8 < image.stored <= 12 else f"{known.name} takes 12 bits, it has {image.stored}"
    if known.family is ts.Family.JPEG_LS and image.stored < 2:
        return "JPEG-LS takes at least 2 bits"
    if known.family is ts.Family.JPEG_LS and image.frame_bytes < _LEAST_OF_CHARLS:
        return f"a frame has {image.frame_bytes} bytes, which may become more than JPEG-LS has room for"
    depth = image.stored if image.plain and known.family is ts.Family.JPEG_2000 else image.allocated
    return None if depth <= most else f"{known.name} takes {most} bits, it has {depth}"


def precision(syntax: str, image: Image, *, spare_bits_used: bool) -> int:
    """Bits per sample in the code stream. Codecs without a sign, and overlays in unused bits, take the whole cell."""
    signless = ts.KNOWN[syntax].family in (ts.Family.JPEG, ts.Family.JPEG_LS)
    if syntax == ts.JPEG_EXTENDED and image.allocated == 16:
        return 12
    if spare_bits_used or not image.plain or (signless and image.signed):
        return image.allocated
    if ts.KNOWN[syntax].family is ts.Family.JPEG_LS:  # fewer are allowed, and understood by neither DCMTK nor GDCM
        return max(image.stored, 8 if image.allocated == 8 else 9)
    return max(image.stored, 2) if ts.KNOWN[syntax].family is ts.Family.JPEG else image.stored  # T.81: 2 to 16
