# SPDX-License-Identifier: Apache-2.0
"""What compressed pixels say beside the pixels: comments, application data, bytes behind the end of an image.

It is written over, byte for byte: the pixels decode to the same, and every offset stays true. What a decoder goes by
(JFIF, Adobe's and JPEG-LS's colour transforms) and what names nothing but an encoder stays.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Generator, Iterator
from typing import Final

from dromos_gateway.header.encoding import EXPLICIT
from dromos_gateway.header.source import Source
from dromos_gateway.header.walking import fragments

# where, up to where, what instead
Overwrite = tuple[int, int, bytes]
# of one fragment; whether it ends an image, so that none goes on in the next
_Found = Generator[Overwrite, None, bool]
_ROOT: Final = "1.2.840.10008.1.2."
_JPEG: Final = frozenset(f"{_ROOT}4.{number}" for number in (*range(50, 71), 80, 81))
_JPEG_2000: Final = frozenset(f"{_ROOT}4.{number}" for number in (90, 91, 92, 93, 201, 202, 203))
_RLE: Final = f"{_ROOT}5"
_WINDOW: Final = 1024 * 1024
_MARKER: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # JPEG stuffs 00 behind FF, JPEG-LS a zero bit
_SOI, _EOI, _SOS, _COM, _JPG_APPS = 0xD8, 0xD9, 0xDA, 0xFE, range(0xE0, 0xF0)
# (beginning, length) of application data that decoders go by
_NEEDED: Final = ((b"JFIF\0", 14), (b"Adobe", 12), (b"mrfx", 5), (b"SPIFF\0", 30), (b"\0\0\0\1\xff\xd8", 6))
_ENCODERS: Final = re.compile(
    rb"(?:Created by (?:GDCM/)?OpenJPEG version [0-9.]{1,12}|Creator: JasPer Version [0-9.]{1,12}|Kakadu-v?[0-9.]{1,12}"
    rb"|CREATOR: gd-jpeg v[0-9.]{1,6} \(using IJG JPEG v[0-9]{1,3}\)(?:, (?:default )?quality(?: = [0-9]{1,3})?)?\n?"
    rb"|LEAD Technologies Inc\. V[0-9.]{1,8}|Intel\(R\) JPEG Library, version [0-9\[\].]{1,16}|Lavc[0-9.]{1,16})\0?"
)
_JP2: Final = b"\0\0\0\x0cjP  "
_BOXES: Final = frozenset((b"jP  ", b"ftyp", b"jp2h", b"rreq"))  # the decoder's
_BEGINNINGS: Final = (b"\xff\xd8", b"\xff\x4f", _JP2[:2])  # of JPEG, JPEG 2000, a file of it
_FLAG: Final = 28  # bytes of a box that has no room for words: its head, a UUID and a number


def words_beside_pixels(source: Source, value: int, stop: int, transfer_syntax_uid: str) -> Iterator[Overwrite]:
    """What to write over in encapsulated pixels, whose value begins at `value`; in order."""
    clean = _cleaner(transfer_syntax_uid)
    parts = fragments(source, value, stop, EXPLICIT)
    table = next(parts, None)
    if table is None:
        return
    if table[1] and not _is_offset_table(source, *table, stop):
        yield table[0] - 4, table[0] + table[1], bytes(4)  # an empty one
    if clean is None:
        return
    ended = False
    for content, size in parts:
        window, stop = _Window(source, content + size), content + size
        if ended and window.read(content, 2) not in _BEGINNINGS:
            yield from _over(window, content, stop, b"\0")  # belongs to no image
        else:
            ended = yield from clean(window, content, stop)


def _cleaner(transfer_syntax_uid: str) -> Callable[[_Window, int, int], _Found] | None:
    if transfer_syntax_uid in _JPEG:
        return _jpeg
    if transfer_syntax_uid in _JPEG_2000:
        return _jpeg_2000
    return _rle if transfer_syntax_uid == _RLE else None


def _is_offset_table(source: Source, content: int, size: int, stop: int) -> bool:
    """Whether each offset is where a fragment begins, in order (PS3.5 A.4)."""
    if size % 4:
        return False
    first, wanted = content + size, 0
    offsets = struct.unpack(f"<{size // 4}I", source.peek(content, size))
    for begins, _ in fragments(source, first, stop, EXPLICIT):
        if wanted < len(offsets) and first + offsets[wanted] == begins - 8:
            wanted += 1
    return wanted == len(offsets) and offsets[0] == 0


class _Window:
    """Bytes of one fragment, a part of it at a time."""

    def __init__(self, source: Source, stop: int) -> None:
        self._source = source
        self._stop = stop
        self._base = 0
        self._data = b""

    def read(self, at: int, length: int) -> bytes:
        """Some bytes; fewer at the end."""
        length = min(length, self._stop - at)
        if not self._base <= at <= at + length <= self._base + len(self._data):
            self._base, self._data = at, self._source.peek(at, min(max(length, _WINDOW), self._stop - at))
        return self._data[at - self._base : at - self._base + length]

    def marker(self, at: int) -> int | None:
        """Where the next marker is."""
        while at + 2 <= self._stop:
            self.read(at, 2)
            found = _MARKER.search(self._data, at - self._base)
            if found is not None:
                return self._base + found.start()
            at = max(at + 1, self._base + len(self._data) - 1)
        return None


def _jpeg(window: _Window, start: int, stop: int) -> _Found:
    """Segments of JPEG and JPEG-LS; a fragment that goes on with an image begins within its entropy-coded bytes."""
    at, coded = start, window.read(start, 2) != b"\xff\xd8"
    while (found := window.marker(at)) is not None:
        if not coded:
            yield from _over(window, at, found, b"\xff")  # may stand before any marker
        code, at = window.read(found + 1, 1)[0], found + 2
        if code == _SOI:
            coded = False
        elif code == _EOI:
            if window.read(at, 2) != b"\xff\xd8":
                yield from _over(window, at, stop, b"\0")
                return True
        else:
            content, at = at + 2, min(at + int.from_bytes(window.read(at, 2), "big"), stop)
            coded = code == _SOS
            if code == _COM:
                yield from _comment(window, content, at)
            elif code in _JPG_APPS:
                yield from _application(window, content, at)
    return False


def _jpeg_2000(window: _Window, start: int, stop: int) -> _Found:
    """The main header and those of tile parts; what has the boxes of a file around it, with them."""
    at, tile = start, stop
    while window.read(start, 8) == _JP2 and at + 8 <= stop:
        size, kind = int.from_bytes(window.read(at, 4), "big"), window.read(at + 4, 4)
        if kind == b"jp2c" or size < 8:
            at += 8
            break
        if kind not in _BOXES and not (kind == b"uuid" and size <= _FLAG):
            yield from _over(window, at + 8, min(at + size, stop), b"\0")
        at += size
    if window.read(at, 4) != b"\xff\x4f\xff\x51":
        return False
    at += 2
    while at + 2 <= stop and (code := window.read(at, 2))[0] == 0xFF:
        if code == b"\xff\xd9":
            yield from _over(window, at + 2, stop, b"\0")
            return True
        if code == b"\xff\x93":  # the tile part's bits
            at = tile
            continue
        end = min(at + 2 + int.from_bytes(window.read(at + 2, 2), "big"), stop)
        if code == b"\xff\x90":
            size = int.from_bytes(window.read(at + 6, 4), "big")
            tile = min(at + size, stop) if size else stop
        elif code == b"\xff\x64":
            yield from _comment(window, at + 6, end)
        at = max(end, at + 2)
    return False


def _rle(window: _Window, start: int, stop: int) -> _Found:
    """Offsets of segments that aren't there are zero (PS3.5 G.5)."""
    count = int.from_bytes(window.read(start, 4), "little")
    if count <= 15:
        yield from _over(window, start + 4 + 4 * count, min(start + 64, stop), b"\0")
    return False  # each is a frame


def _comment(window: _Window, start: int, stop: int) -> Iterator[Overwrite]:
    if stop > start and not _ENCODERS.fullmatch(window.read(start, min(stop - start, 80))):
        yield from _over(window, start, stop, b" ")


def _application(window: _Window, start: int, stop: int) -> Iterator[Overwrite]:
    needed = next((size for begins, size in _NEEDED if window.read(start, len(begins)) == begins), 0)
    yield from _over(window, start + needed, stop, b"\0")


def _over(window: _Window, start: int, stop: int, filler: bytes) -> Iterator[Overwrite]:
    """Filler in place of bytes that are more than padding."""
    while start < stop:
        part = window.read(start, min(stop - start, _WINDOW))
        if part.strip(b"\0\xff" + filler):
            yield start, start + len(part), filler * len(part)
        start += max(len(part), 1)
