# SPDX-License-Identifier: Apache-2.0
"""Bytes of native pixel data behind the last pixel: no image shows them, anything may be in them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from dromos_gateway.deid.iod import attribute_type, is_known
from dromos_gateway.header.view import HeaderView

# Samples per Pixel, Number of Frames, Rows, Columns, Bits Allocated
_TAGS: Final = (0x00280002, 0x00280008, 0x00280010, 0x00280011, 0x00280100)
_LONGEST: Final = 16
_NUMBER_OF_FRAMES: Final = 0x00280008


def pixel_bytes(view: HeaderView, length: int, sop_class_uid: str) -> int:
    """How many bytes of native pixel data are pixels; all of them where the instance doesn't say it surely."""
    size = _size(view.raw(_TAGS, _LONGEST), view.encoding.order, sop_class_uid, length)
    return size if 0 < size < length else length


@lru_cache(maxsize=256)
def _size(values: tuple[bytes, ...], order: str, sop_class_uid: str, length: int) -> int:
    samples, frames, rows, columns, bits = values
    size = _short(rows, order) * _short(columns, order) * _short(samples, order) * _short(bits, order)
    text = frames.strip(b"\0 ")
    if text.isdigit():
        return _even((size * int(text) + 7) // 8)
    # without a number of frames there is one, if that is all that such an object can have; else who knows
    single = is_known(sop_class_uid) and attribute_type(sop_class_uid, (), _NUMBER_OF_FRAMES) is None
    one = _even((size + 7) // 8)
    return one if not text and (single or length < 2 * one) else 0


def _short(value: bytes, order: str) -> int:
    return int.from_bytes(value, "big" if order == ">" else "little") if len(value) == 2 else 0


def _even(size: int) -> int:
    return size + size % 2
