# SPDX-License-Identifier: Apache-2.0
"""What a data set says of its pixels (PS3.3 C.7.6.3), checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dromos_gateway.pixels.outcome import Unfit

FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010
PIXEL_ELEMENTS = frozenset((FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, PIXEL_DATA))
MONOCHROME = frozenset(("MONOCHROME1", "MONOCHROME2"))
YBR_OF_JPEG_2000 = frozenset(("YBR_ICT", "YBR_RCT"))
_SAMPLES = {
    "MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3,
    "YBR_FULL": 3, "YBR_FULL_422": 3, "YBR_PARTIAL_422": 3, "YBR_PARTIAL_420": 3, "YBR_ICT": 3, "YBR_RCT": 3,
}  # fmt: skip
_SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))
_MOST_FRAME_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Image:
    """The pixels of one instance: `frames` of `rows` by `columns` by `samples`, in cells of `allocated` bits."""

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    signed: bool = False
    planar: bool = False  # Planar Configuration 1: colour by plane
    frames: int = 1
    is_float: bool = False
    high_bit: int = 0

    @property
    def plain(self) -> bool:
        """Whether stored bits are the lowest ones of their cell, as codecs have it."""
        return self.high_bit == self.stored - 1

    @property
    def subsampled(self) -> bool:
        """Whether two pixels share their chrominance in the native form (PS3.3 C.7.6.3.1.2)."""
        return self.photometric in _SUBSAMPLED

    @property
    def frame_bits(self) -> int:
        """Bits of a frame in the native form; frames of single bits follow each other without a gap."""
        samples = 2 if self.subsampled else self.samples
        return self.rows * self.columns * samples * self.allocated

    @property
    def frame_bytes(self) -> int:
        """Bytes a decoded frame takes in memory, subsampling undone."""
        return self.rows * self.columns * self.samples * max(self.allocated, 8) // 8

    @property
    def native_bytes(self) -> int:
        """Length of the native Pixel Data, padding not counted."""
        return (self.frame_bits * self.frames + 7) // 8


def describe(pixel_tag: int, number: Callable[[int], int | None], text: Callable[[int], str | None]) -> Image:
    """Read and check the image description. `number` and `text` give the first value of an element, or None.

    `Unfit` says what cannot be.
    """
    is_float = pixel_tag in (FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)
    allocated = _needed(number, 0x00280100, "BitsAllocated")
    photometric = (text(0x00280004) or "").strip()
    stored = allocated if is_float else _needed(number, 0x00280101, "BitsStored")
    high_bit = number(0x00280102)
    image = Image(
        rows=_needed(number, 0x00280010, "Rows"),
        columns=_needed(number, 0x00280011, "Columns"),
        samples=number(0x00280002) or _SAMPLES.get(photometric, 1),
        photometric=photometric,
        allocated=allocated,
        stored=stored,
        signed=number(0x00280103) == 1 and allocated > 1,
        planar=number(0x00280006) == 1,
        frames=_frames(text(0x00280008)),
        is_float=is_float,
        high_bit=stored - 1 if high_bit is None or is_float else high_bit,
    )
    _check(image, pixel_tag)
    return image


def _check(image: Image, pixel_tag: int) -> None:
    depths = {PIXEL_DATA: (1, 8, 16, 32, 64), FLOAT_PIXEL_DATA: (32,), DOUBLE_FLOAT_PIXEL_DATA: (64,)}[pixel_tag]
    if image.allocated not in depths:
        raise Unfit(f"BitsAllocated {image.allocated} is not possible")
    if not 0 < image.stored <= image.allocated:
        raise Unfit(f"BitsStored {image.stored} does not fit BitsAllocated {image.allocated}")
    if not image.stored - 1 <= image.high_bit < image.allocated:
        raise Unfit(f"HighBit {image.high_bit} does not fit BitsStored {image.stored}")
    if _SAMPLES.get(image.photometric) != image.samples:
        raise Unfit(f"SamplesPerPixel {image.samples} with PhotometricInterpretation {_word(image.photometric)}")
    if image.frame_bytes > _MOST_FRAME_BYTES:
        raise Unfit(f"a frame of {image.frame_bytes >> 20} MiB is too large")


def _word(photometric: str) -> str:
    return photometric if photometric in _SAMPLES else "unknown" if photometric else "absent"


def _needed(number: Callable[[int], int | None], tag: int, keyword: str) -> int:
    value = number(tag)
    if not value:
        raise Unfit(f"{keyword} is absent or 0")
    return value


def _frames(text: str | None) -> int:
    word = (text or "").strip()
    if not word:
        return 1
    if not word.isascii() or not word.isdigit() or not 0 < int(word) < 1 << 31:
        raise Unfit("NumberOfFrames is not a number above 0")
    return int(word)
