# SPDX-License-Identifier: Apache-2.0
"""The header of the file that is written: elements replaced, removed and added, everything else byte for byte."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO

import numpy as np

from dromos_gateway.header.encoding import EXPLICIT, Encoding
from dromos_gateway.header.indexing import index
from dromos_gateway.header.shape import Place
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.header.writing import element
from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Source

Edits = Mapping[int, tuple[bytes, bytes] | None]  # tag to (VR, value), or None to remove it
_WORDS = {
    "OW": 2,
    "OF": 4,
    "OL": 4,
    "OD": 8,
    "OV": 8,
}  # bytes of each, which have the order of the data set (PS3.5 6.2)


def edited(source: Source, edits: Edits) -> bytes:
    """The elements before the pixels in explicit VR little endian, without the retired group lengths."""
    if source.encoding == EXPLICIT:
        return _spliced(source.data, source.places.items(), edits)
    end = source.data_set.end if source.pixel is None else source.pixel.start
    header = converted(bytes(source.data[:end]), source.encoding, EXPLICIT)
    return _spliced(header, index(DataSet(header), EXPLICIT).items(), edits)


def _spliced(data: Buffer, places: Iterable[tuple[int, Place]], edits: Edits) -> bytes:
    waiting = sorted((tag, edit) for tag, edit in edits.items() if edit is not None)
    parts: list[Buffer] = []
    copied = None  # start of what is copied in one piece
    last = 0
    for found, (_, start, _, end) in places:
        drop = found in edits or found & 0xFFFF == 0
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
    if source.big_endian != target.big_endian:
        for element in dataset.iterall():
            value = element.value  # decoded: bytes that are only copied would keep their order
            if element.VR in _WORDS and isinstance(value, bytes):  # which pydicom copies all the same
                element.value = np.frombuffer(value, f"u{_WORDS[element.VR]}").byteswap().tobytes()
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = not target.explicit, not target.big_endian
    write_dataset(stream, dataset)
    return bytes(stream.getvalue())
