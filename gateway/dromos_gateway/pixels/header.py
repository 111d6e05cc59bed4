# SPDX-License-Identifier: Apache-2.0
"""The header of the file that is written: elements replaced, removed and added, everything else byte for byte."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from io import BytesIO

from dromos_gateway.pixels.elements import EXPLICIT, Element, Encoding, walk, write
from dromos_gateway.pixels.outcome import Unfit
from dromos_gateway.pixels.source import Source

Edits = Mapping[int, tuple[bytes, bytes] | None]  # tag to (VR, value), or None to remove it


def edited(source: Source, edits: Edits) -> bytes:
    """The elements before the pixels in explicit VR little endian, without the retired group lengths."""
    end = len(source.data) if source.pixel is None else source.pixel.start
    if source.encoding == EXPLICIT:
        return _spliced(source.data, source.elements.values(), edits)
    header = converted(bytes(source.data[source.start : end]), source.encoding, EXPLICIT)
    return _spliced(header, walk(header, 0, EXPLICIT), edits)


def _spliced(data: bytes | memoryview, elements: Iterable[Element], edits: Edits) -> bytes:
    waiting = sorted((tag, edit) for tag, edit in edits.items() if edit is not None)
    parts: list[bytes | memoryview] = []
    copied = None  # start of what is copied in one piece
    last = 0
    for element in elements:
        drop = element.tag in edits or element.tag & 0xFFFF == 0
        if drop or (waiting and waiting[0][0] < element.tag):
            if copied is not None:
                parts.append(data[copied:last])
            copied = None
            while waiting and waiting[0][0] <= element.tag:
                tag, edit = waiting.pop(0)
                parts.append(write(tag, *edit))
        if not drop and copied is None:
            copied = element.start
        last = element.end
    if copied is not None:
        parts.append(data[copied:last])
    parts.extend(write(tag, *edit) for tag, edit in waiting)
    return b"".join(parts)


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

    dataset = read_dataset(BytesIO(data), not source.explicit, source.little)
    if source.little != target.little:
        for element in dataset.iterall():
            element.value  # noqa: B018  decodes it: bytes that are only copied would keep their order
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = not target.explicit, target.little
    write_dataset(stream, dataset)
    return bytes(stream.getvalue())
