# SPDX-License-Identifier: Apache-2.0
"""Pixels within sequences: icons, mostly (PS3.3 F.7). They show the image, and are encoded as its transfer syntax says.

Few objects have any. Where one has, pydicom reads and writes the sequence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from dromos_gateway.header.encoding import EXPLICIT, IMPLICIT, UNDEFINED
from dromos_gateway.header.shape import Place
from dromos_gateway.header.walking import tags_within
from dromos_gateway.pixels import capability
from dromos_gateway.pixels.codecs.registry import codec
from dromos_gateway.pixels.header import Edits, converted
from dromos_gateway.pixels.image import PIXEL_DATA, describe
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Source

_MARKS = {"<": b"\xe0\x7f\x10\x00", ">": b"\x7f\xe0\x00\x10"}  # the tag of Pixel Data
_HEAD = 12  # bytes, of a sequence in explicit VR
_Item = Any  # of a sequence, a pydicom.Dataset with pixels


def without_icons(source: Source) -> Edits:
    """Sequences without the items that have pixels: what a mask hides would be seen in them."""
    return _edits(source, lambda _: False)


def native_icons(source: Source) -> Edits:
    """Sequences with icons as native pixels, which may be in every transfer syntax; an icon that is broken goes."""
    syntax = source.head.transfer_syntax_uid
    return _edits(source, lambda item: _is_native(item) or _made_native(item, syntax))


def _edits(source: Source, stays: Callable[[_Item], bool]) -> Edits:
    if not _may_have_pixels(source):
        return {}
    edits: dict[int, tuple[bytes, bytes] | None] = {}
    for tag, place in source.places.items():
        if _has_pixels(source, place):
            before = converted(bytes(source.data[place[1] : place[3]]), source.encoding, EXPLICIT)
            after = _guarded(before, stays)
            if after != before:
                edits[tag] = (b"SQ", after[_HEAD:]) if after else None
    return edits


def _may_have_pixels(source: Source) -> bool:
    """A glance before the walk."""
    mark, end = _MARKS[source.encoding.order], source.data_set.end if source.pixel is None else source.pixel.start
    if source.mapped is None:
        return mark in bytes(source.data[:end])
    return source.mapped.find(mark, source.start, source.start + end) >= 0


def _has_pixels(source: Source, place: Place) -> bool:
    """Whether an element is a sequence with pixels somewhere in it."""
    vr, start, value, stop = place
    _, _, _, length = source.encoding.head_at(source.data_set, start, source.data_set.end)
    if vr != b"SQ" and not (vr == b"UN" and length == UNDEFINED):
        return False
    encoding = IMPLICIT if vr == b"UN" else source.encoding
    return PIXEL_DATA in tags_within(source.data_set, value, length, stop, encoding)


def _guarded(data: bytes, stays: Callable[[_Item], bool]) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            return _rewritten(data, stays)
    except (MemoryError, Unfit):
        raise
    except Exception as error:
        raise Unfit(f"a sequence with pixels cannot be changed ({type(error).__name__})") from None


def _rewritten(data: bytes, stays: Callable[[_Item], bool]) -> bytes:
    """A sequence with the items that stay; the same bytes where nothing is changed, none where nothing is left."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset
    from pydicom.filewriter import write_dataset

    dataset = read_dataset(BytesIO(data), False, True)
    if not _changed(dataset, stays):
        return data
    for element in dataset:
        element.is_undefined_length = False
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset)
    return bytes(stream.getvalue())


def _changed(dataset: _Item, stays: Callable[[_Item], bool]) -> bool:
    """Take out items with pixels that don't stay, and sequences that are empty then; whether anything was changed."""
    from pydicom.sequence import Sequence

    changed = False
    for tag in list(dataset.keys()):
        if dataset.get_item(tag).VR != "SQ":
            continue
        kept = []
        for item in dataset[tag].value:
            if PIXEL_DATA in item:
                before = item[PIXEL_DATA].value
                stay = stays(item)
                changed = changed or not stay or item[PIXEL_DATA].value is not before
            else:
                stay, changed = True, _changed(item, stays) or changed
            kept += [item] * stay
        if kept or not len(dataset[tag].value):
            dataset[tag].value = Sequence(kept)
        else:
            del dataset[tag]
    return changed


def _is_native(item: _Item) -> bool:
    return not item[PIXEL_DATA].is_undefined_length


def _made_native(item: _Item, syntax: str) -> bool:
    """Decode an icon; whether it could be done."""
    from pydicom.encaps import generate_frames

    def number(tag: int) -> int | None:
        value = item[tag].value if tag in item else None
        return value if isinstance(value, int) else None

    def text(tag: int) -> str | None:
        return str(item[tag].value) if tag in item else None

    try:
        image = describe(PIXEL_DATA, number, text)
        (stream,) = generate_frames(item[PIXEL_DATA].value, number_of_frames=1)
        raster = codec(syntax).decode(stream, image)
    except (Unfit, ValueError):  # of our codecs, of pydicom
        return False
    image = capability.decoded(syntax, image)
    value = np.ascontiguousarray(raster).tobytes()
    item.PixelData = value + bytes(len(value) % 2)
    item[PIXEL_DATA].VR = "OW" if image.allocated > 8 else "OB"
    item[PIXEL_DATA].is_undefined_length = False
    item.PhotometricInterpretation = image.photometric
    if image.samples > 1:
        item.PlanarConfiguration = 0
    return True
