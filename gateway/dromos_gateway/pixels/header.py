# SPDX-License-Identifier: Apache-2.0
"""The header of the file that is written: elements replaced, removed and added, everything else byte for byte."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from dromos_gateway.header.encoding import EXPLICIT, UNDEFINED, Encoding
from dromos_gateway.header.indexing import index
from dromos_gateway.header.shape import Place
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.header.vr import vr_of
from dromos_gateway.header.writing import element
from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Source

Edits = Mapping[int, tuple[bytes, bytes] | None]  # tag to (VR, value), or None to remove it
# bytes of each word, which have the order of the data set (PS3.5 6.2)
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_UNDECIDED = frozenset((
    0x00143050, 0x00143070, 0x00280071, 0x00281100, 0x00281111, 0x00281112, 0x00281113, 0x00281200,
))  # fmt: skip
_REPEATING = frozenset((0x5000200C, 0x50003000, 0x7F000010))
_LUT_DATA, _LUT_DESCRIPTOR = 0x00283006, 0x00283002
_LONG = 1 << 20  # bytes; what is longer is not brought into memory: documents, meshes, raw data
_AS_THEY_ARE = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN", b"UT"))
_BLOCK = 4 << 20


@dataclass(frozen=True, slots=True)
class LongValue:
    """An element whose value lies in the source from `start` to `end`; it is written at `place` of the short ones."""

    place: int
    head: bytes
    start: int
    end: int
    word: int  # bytes that change their order together


@dataclass(frozen=True, slots=True)
class Header:
    """The elements before the pixels as they are written: long values where they lie, the others in memory."""

    source: Source
    encoding: Encoding
    short: bytes
    long: tuple[LongValue, ...] = ()

    def blocks(self) -> Iterator[Buffer]:
        """All of it, one after the other."""
        done = 0
        for value in self.long:
            yield self.short[done : value.place]
            yield value.head
            for start in range(value.start, value.end, _BLOCK):
                block: Buffer = self.source.data[start : min(start + _BLOCK, value.end)]
                if value.word > 1 and self.source.encoding.big_endian != self.encoding.big_endian:
                    block = np.frombuffer(block, f"u{value.word}").byteswap().tobytes()
                yield block
                self.source.forget()
            done = value.place
        yield self.short[done:]

    def end_of(self, tag: int) -> int | None:
        """Where an element ends that is no long one; None when there is none."""
        place = index(DataSet(self.short), self.encoding).get(tag)
        if place is None:
            return None
        before = [value for value in self.long if value.place <= place[1]]
        return place[3] + sum(len(value.head) + value.end - value.start for value in before)


def edited(source: Source, edits: Edits, target: Encoding = EXPLICIT) -> Header:
    """The elements before the pixels, without the retired group lengths."""
    long = {
        tag: place
        for tag, place in source.places.items()
        if place[3] - place[2] > _LONG and tag not in edits and _stays(source, place)
    }
    if source.encoding == EXPLICIT:
        short = _spliced(source.data, source.places.items(), edits, long)
    else:
        parts = [source.data[start:end] for tag, (_, start, _, end) in source.places.items() if tag not in long]
        plain = converted(b"".join(parts), source.encoding, EXPLICIT)
        short = _spliced(plain, index(DataSet(plain), EXPLICIT).items(), edits)
    short = converted(short, EXPLICIT, target)
    return Header(source, target, short, tuple(_placed(short, long, target)))


def _stays(source: Source, place: Place) -> bool:
    """Whether a value has the same bytes in every encoding, but for their order."""
    vr, start, _, _ = place
    return vr in _AS_THEY_ARE and source.encoding.head_at(source.data_set, start, source.data_set.end)[3] != UNDEFINED


def _placed(short: bytes, long: Mapping[int, Place], target: Encoding) -> Iterator[LongValue]:
    if not long:
        return
    behind = sorted((tag, place[1]) for tag, place in index(DataSet(short), target).items())
    for tag, (vr, _, start, end) in sorted(long.items()):
        place = next((start for other, start in behind if other > tag), len(short))
        head = element(tag, vr, b"", target)[:-4] + struct.pack(f"{target.order}I", end - start)
        yield LongValue(place, head, start, end, _WORDS.get(vr.decode("ascii"), 1))


def _spliced(
    data: Buffer, places: Iterable[tuple[int, Place]], edits: Edits, without: Container[int] = frozenset()
) -> bytes:
    waiting = sorted((tag, edit) for tag, edit in edits.items() if edit is not None)
    parts: list[Buffer] = []
    copied = None  # start of what is copied in one piece
    last = 0
    for found, (_, start, _, end) in places:
        drop = found in edits or found in without or found & 0xFFFF == 0
        if drop or (waiting and waiting[0][0] < found):
            if copied is not None:
                parts.append(data[copied:last])
            copied = None
            while waiting and waiting[0][0] <= found:
                tag, edit = waiting.pop(0)
                parts.append(_written(tag, *edit))
        if not drop and copied is None:
            copied = start
        last = end
    if copied is not None:
        parts.append(data[copied:last])
    parts.extend(_written(tag, *edit) for tag, edit in waiting)
    return b"".join(parts)


def _written(tag: int, vr: bytes, value: bytes) -> bytes:
    padding = b"" if len(value) % 2 == 0 else b"\0" if vr == b"UI" else b" "
    return element(tag, vr, value + padding, EXPLICIT)


def converted(data: bytes, source: Encoding, target: Encoding) -> bytes:
    """A data set without pixels in another encoding. `Unfit` when pydicom cannot make sense of it."""
    if source == target or not data:
        return data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            return _rewritten(data, source, target)
    except MemoryError:
        raise
    except Exception as error:
        raise Unfit(f"the header cannot be written in another encoding ({type(error).__name__})") from None


def _rewritten(data: bytes, source: Encoding, target: Encoding) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset
    from pydicom.filewriter import write_dataset

    dataset = read_dataset(BytesIO(data), not source.explicit, not source.big_endian)
    if target.explicit and not source.explicit:
        _settle(dataset)
    if source.big_endian != target.big_endian:
        for element in dataset.iterall():
            value = element.value  # decoded: bytes that are only copied would keep their order
            if element.VR in _WORDS and isinstance(value, bytes):  # which pydicom copies all the same
                element.value = np.frombuffer(value, f"u{_WORDS[element.VR]}").byteswap().tobytes()
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = not target.explicit, not target.big_endian
    write_dataset(stream, dataset)
    return bytes(stream.getvalue())


def _settle(dataset: Any) -> None:
    """Say which VR elements have of which pydicom does not make up its mind: curves, tables that are retired."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if element.VR == "SQ" or (element.VR is None and vr_of(tag) == b"SQ"):
            for item in dataset[tag].value:
                _settle(item)
        elif element.is_raw and (tag in _UNDECIDED or tag & 0xFF00FFFF in _REPEATING):
            dataset[tag] = element._replace(VR=vr_of(tag).decode("ascii"))
        elif element.is_raw and tag == _LUT_DATA and _LUT_DESCRIPTOR not in dataset:
            dataset[tag] = element._replace(VR="OW")
