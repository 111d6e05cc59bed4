# SPDX-License-Identifier: Apache-2.0
"""A Part 10 file, its header found and its frames within reach: a small file is read, a large one mapped."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BufferedRandom, FileIO
from pathlib import Path

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.dimse.part10 import FileHead, NotPart10, parse_head
from dromos_gateway.header.encoding import EXPLICIT, UNDEFINED, Encoding, encoding_of
from dromos_gateway.header.errors import named
from dromos_gateway.header.indexing import index
from dromos_gateway.header.inflating import inflate_file
from dromos_gateway.header.shape import Place
from dromos_gateway.header.source import Source as DataSet
from dromos_gateway.pixels.encapsulated import Encapsulated, open_encapsulated
from dromos_gateway.pixels.image import PIXEL_DATA, PIXEL_ELEMENTS, Image, describe
from dromos_gateway.pixels.native import Buffer, Native
from dromos_gateway.pixels.outcome import Unfit

_USUAL_HEAD, _HEAD = 4 * 1024, 68 * 1024
_SMALL = 4 << 20
_ALWAYS = 64 << 20  # bytes that a deflated data set may inflate to, however short it is: black frames are very short
_EXTENDED_OFFSETS, _EXTENDED_LENGTHS = 0x7FE00001, 0x7FE00002
File = FileIO | BufferedRandom


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Pixel Data, Float or Double Float Pixel Data: `length` is as written, UNDEFINED where it is encapsulated."""

    tag: int
    vr: bytes
    start: int
    value: int
    length: int


@dataclass
class Source:
    """What a file holds up to its pixels. `pixel` is None for an object without any.

    Positions count from the beginning of the data set, which is `data`, and at `start` of the file.
    """

    head: FileHead
    file: File  # stays open as long as anything is asked
    data_set: DataSet
    data: Buffer
    start: int
    encoding: Encoding
    places: Mapping[int, Place]
    pixel: PixelElement | None
    mapped: mmap.mmap | None

    @cached_property
    def pixels(self) -> Pixels:
        """The frames of a source with pixels. `Unfit`, `MalformedDataSet` when something contradicts itself."""
        return _open_pixels(self)

    def value(self, tag: int) -> Buffer | None:
        """The bytes of a root-level element before the pixels; None when absent."""
        place = self.places.get(tag)
        return None if place is None else self.data[place[2] : place[3]]

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


def open_source(path: Path, scratch: Path, size: int | None = None) -> Source:
    """Open a Part 10 file; a deflated one is inflated into the folder `scratch`, in a file without a name.

    Without `size` it ends where the file does. `Unfit`, `MalformedDataSet` when it cannot be understood, OSError when
    it cannot be read.
    """
    file: File = path.open("rb", buffering=0)
    end = os.fstat(file.fileno()).st_size
    end = end if size is None else min(size, end)
    head = _head(file.fileno(), end)
    start, encoding = head.data_set_offset, encoding_of(head.transfer_syntax_uid)
    if encoding.deflated:
        file, start, encoding = _inflated(file, start, end, scratch), 0, EXPLICIT
        end = os.fstat(file.fileno()).st_size
    mapped, data_set, data = None, DataSet(b""), memoryview(b"")
    if start < end <= _SMALL:  # one call; into memory that the last file had, without a fault for each page
        data_set = DataSet(os.pread(file.fileno(), end - start, start))
        data = memoryview(data_set.block)
    elif start < end:
        mapped = mmap.mmap(file.fileno(), end, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        data_set, data = DataSet.of_file(file.fileno(), start, end), memoryview(mapped)[start:]
    places = dict(index(data_set, encoding).items())
    pixel = pixel_element(data_set, encoding, places)
    return Source(head, file, data_set, data, start, encoding, places, pixel, mapped)


def _head(fd: int, end: int) -> FileHead:
    try:
        try:
            head = parse_head(os.pread(fd, min(end, _USUAL_HEAD), 0))
        except NotPart10:
            head = parse_head(os.pread(fd, min(end, _HEAD), 0))
    except NotPart10 as error:
        raise Unfit(str(error), "NotADicomFile") from None
    if not (head.sop_class_uid + head.sop_instance_uid + head.transfer_syntax_uid).isascii():
        raise Unfit("the file meta information has UIDs that are none", "NotADicomFile")
    return head


def pixel_element(data_set: DataSet, encoding: Encoding, places: dict[int, Place]) -> PixelElement | None:
    """The last element of the index, if it is pixels; then it leaves the index."""
    tag = next(reversed(places), 0)
    if tag not in PIXEL_ELEMENTS:
        return None
    vr, start, value, _ = places.pop(tag)
    _, _, _, length = encoding.head_at(data_set, start, data_set.end)
    return PixelElement(tag, vr, start, value, length)


def _open_pixels(source: Source) -> Pixels:
    assert source.pixel is not None  # noqa: S101
    image = describe(source.pixel.tag, source.number, source.text)
    frames = _frames(source, source.pixel, image)
    tail = frames.end
    if tail < source.data_set.end:
        behind = DataSet.of_file(source.file.fileno(), source.start + tail, source.start + source.data_set.end)
        for tag in index(behind, source.encoding, whole=True).shape.tags:
            if tag in PIXEL_ELEMENTS:
                raise Unfit("the data set has pixels twice")
            if tag in source.places:
                raise Unfit(f"{named(tag)} is before the pixels and behind them", "MalformedDataSet")
    return Pixels(image, frames, tail)


def _frames(source: Source, pixel: PixelElement, image: Image) -> Native | Encapsulated:
    syntax = source.head.transfer_syntax_uid
    known = ts.KNOWN.get(syntax)
    native = known is not None and known.family is ts.Family.NATIVE
    if native != (pixel.length != UNDEFINED):
        raise Unfit(f"Pixel Data is {'not ' if native else ''}native, unlike transfer syntax {syntax}")
    if native:
        big_endian = source.encoding.big_endian
        if big_endian and pixel.tag == PIXEL_DATA and image.allocated > 16:
            # PS3.5, DCMTK and GDCM swap the bytes of each 16-bit word of OW, pydicom those of the whole cell.
            raise Unfit(f"big endian pixels of {image.allocated} bits are written in two ways, and nothing says which")
        words = big_endian and image.allocated <= 8 and pixel.vr == b"OW"
        end = pixel.value + pixel.length
        return Native(source.data, pixel.value, end, image, source.encoding.order, words)
    offsets, lengths = source.value(_EXTENDED_OFFSETS), source.value(_EXTENDED_LENGTHS)
    extended = (offsets, lengths) if offsets and lengths and pixel.tag == PIXEL_DATA else None
    return open_encapsulated(source.data_set, source.data, pixel.value, image.frames, extended)


def _inflated(deflated: File, start: int, end: int, scratch: Path) -> BufferedRandom:
    file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  left open for the source
    inflate_file(deflated.fileno(), start, end, file.fileno(), _ALWAYS)
    return file
