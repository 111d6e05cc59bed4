# SPDX-License-Identifier: Apache-2.0
"""A Part 10 file, its header found and its frames within reach; the file is mapped, not read."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import zlib
from dataclasses import dataclass
from io import BufferedRandom, BufferedReader
from pathlib import Path

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.dimse.part10 import FileHead, NotPart10, parse_head
from dromos_gateway.pixels.elements import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    PIXEL_DATA,
    PIXEL_ELEMENTS,
    UNDEFINED,
    Buffer,
    Element,
    Encoding,
    walk,
)
from dromos_gateway.pixels.encapsulated import Encapsulated, open_encapsulated
from dromos_gateway.pixels.image import Image, describe
from dromos_gateway.pixels.native import Native
from dromos_gateway.pixels.outcome import Unfit

_ENCODINGS = {
    ts.IMPLICIT_VR_LITTLE_ENDIAN: IMPLICIT,
    ts.EXPLICIT_VR_BIG_ENDIAN: BIG_ENDIAN,
}
_HEAD = 68 * 1024
_BLOCK = 1 << 20
_SMALL = 4 << 20
_LEAST_CAP, _MOST_RATIO, _MOST = 64 << 20, 200, 8 << 30
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds up to its pixels. `pixel` is None for an object without any."""

    head: FileHead
    data: Buffer
    start: int  # of the data set in `data`
    encoding: Encoding
    elements: dict[int, Element]
    pixel: Element | None
    mapped: mmap.mmap | None

    def value(self, tag: int) -> Buffer | None:
        """The bytes of a root-level element before the pixels; None when absent."""
        element = self.elements.get(tag)
        return None if element is None else self.data[element.value : element.end]

    def text(self, tag: int) -> str | None:
        """A value of plain characters, padding taken off; None when absent or empty."""
        value = self.value(tag)
        return None if value is None else bytes(value).decode("latin-1").strip(" \0") or None

    def number(self, tag: int) -> int | None:
        """The first value of an US element; None when absent or empty."""
        value = self.value(tag)
        if value is None or len(value) < 2:
            return None
        found: int = struct.unpack_from(self.encoding.order + "H", value)[0]
        return found

    def forget(self) -> None:
        """Give back the memory of what was read so far; it is read again when needed."""
        if self.mapped is not None:
            self.mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixels of a file: what the header says, the frames, and the offset of what follows them."""

    image: Image
    frames: Native | Encapsulated
    tail: int


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """How a transfer syntax writes elements, once inflated."""
    return _ENCODINGS.get(transfer_syntax_uid, EXPLICIT)


def open_source(path: Path, scratch: Path, size: int | None = None) -> Source:
    """Open a Part 10 file; a deflated one is inflated into the folder `scratch`, in a file without a name.

    Without `size` it ends where the file does.

    `Unfit` when it cannot be understood, OSError when it cannot be read.
    """
    with path.open("rb") as file:
        mapped = _mapped(file, size)
    try:
        head = parse_head(mapped[:_HEAD] if mapped else b"")
    except NotPart10 as error:
        raise Unfit(str(error), "NotADicomFile") from None
    if not (head.sop_class_uid + head.sop_instance_uid + head.transfer_syntax_uid).isascii():
        raise Unfit("the file meta information has UIDs that are none", "NotADicomFile")
    start = head.data_set_offset
    data: Buffer = memoryview(mapped) if mapped else b""
    if head.transfer_syntax_uid == ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        mapped, start = _inflated(data[start:], scratch), 0
        data = memoryview(mapped) if mapped else b""
    encoding = encoding_of(head.transfer_syntax_uid)
    elements: dict[int, Element] = {}
    for element in walk(data, start, encoding):
        if element.tag in PIXEL_ELEMENTS:
            return Source(head, data, start, encoding, elements, element, mapped)
        if element.tag in elements:
            raise Unfit(f"the data set has element {element.tag:08X} twice")
        elements[element.tag] = element
    return Source(head, data, start, encoding, elements, None, mapped)


def open_pixels(source: Source) -> Pixels:
    """Find the frames of a source with pixels. `Unfit` when header, pixels and offset tables contradict each other."""
    assert source.pixel is not None  # noqa: S101
    image = describe(source.pixel.tag, source.number, source.text)
    frames = _frames(source, source.pixel, image)
    tail = frames.end if isinstance(frames, Encapsulated) else source.pixel.end
    for element in walk(source.data, tail, source.encoding):
        if element.tag in PIXEL_ELEMENTS:
            raise Unfit("the data set has pixels twice")
    return Pixels(image, frames, tail)


def _frames(source: Source, pixel: Element, image: Image) -> Native | Encapsulated:
    syntax = source.head.transfer_syntax_uid
    known = ts.KNOWN.get(syntax)
    native = known is not None and known.family is ts.Family.NATIVE
    if native != (pixel.length != UNDEFINED):
        raise Unfit(f"Pixel Data is {'not ' if native else ''}native, unlike transfer syntax {syntax}")
    if native:
        if not source.encoding.little and pixel.tag == PIXEL_DATA and image.allocated > 16:
            # PS3.5, DCMTK and GDCM swap the bytes of each 16-bit word of OW, pydicom those of the whole cell.
            raise Unfit(f"big endian pixels of {image.allocated} bits are written in two ways, and nothing says which")
        words = not source.encoding.little and image.allocated <= 8 and pixel.vr == b"OW"
        return Native(source.data, pixel.value, pixel.end, image, source.encoding.order, words)
    offsets, lengths = source.value(_EXTENDED_OFFSETS), source.value(_EXTENDED_LENGTHS)
    extended = (offsets, lengths) if offsets and lengths and pixel.tag == PIXEL_DATA else None
    return open_encapsulated(source.data, pixel.value, image.frames, extended)


def _mapped(file: BufferedReader | BufferedRandom, size: int | None = None) -> mmap.mmap | None:
    end = os.fstat(file.fileno()).st_size
    size = end if size is None else min(size, end)
    if not size:
        return None
    flags = mmap.MAP_PRIVATE | (mmap.MAP_POPULATE if size <= _SMALL else 0)  # one fault instead of one for each page
    return mmap.mmap(file.fileno(), size, flags=flags, prot=mmap.PROT_READ)


def _inflated(deflated: Buffer, scratch: Path) -> mmap.mmap | None:
    cap = min(max(_LEAST_CAP, len(deflated) * _MOST_RATIO), _MOST)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    with tempfile.TemporaryFile(dir=scratch) as file:
        try:
            _inflate(inflater, deflated, file, cap)
        except zlib.error:
            raise Unfit("the data set is deflated, and broken") from None
        file.flush()
        return _mapped(file)


def _inflate(inflater: zlib._Decompress, deflated: Buffer, file: BufferedRandom, cap: int) -> None:
    for offset in range(0, len(deflated), _BLOCK):
        block: Buffer = deflated[offset : offset + _BLOCK]
        while block and not inflater.eof:
            file.write(inflater.decompress(block, _BLOCK))
            if file.tell() > cap:
                raise Unfit(f"the data set inflates to more than {cap >> 20} MiB")
            block = inflater.unconsumed_tail
    file.write(inflater.flush())
    if not inflater.eof:
        raise Unfit("the data set is deflated, and cut off")
