# SPDX-License-Identifier: Apache-2.0
"""The root-level values of a data set, as conditions ask for them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from io import FileIO
from typing import BinaryIO, Final

from dromos_gateway.header.encoding import PIXEL_DATA, Encoding, encoding_of
from dromos_gateway.header.errors import MalformedDataSet, named
from dromos_gateway.header.indexing import index
from dromos_gateway.header.inflating import inflate_bytes, inflate_file
from dromos_gateway.header.sets import SPECIFIC_CHARACTER_SET, encodings_of
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import text_of
from dromos_gateway.header.vr import NUMBERS, STRINGS, known_vr
from dromos_gateway.header.walking import tags_within

_LONGEST_NUMBERS: Final = 256 * 1024  # bytes that anybody wants as text: the largest look-up tables have half of it
_FRACTIONS: Final = (b"FD", b"FL", b"OD", b"OF")
_LONGEST_FRACTIONS: Final = 16 * 1024  # they are written in 10 µs each
_BYTES: Final = tuple(str(byte - (byte & 0x80) * 2) for byte in range(256))  # signed, as dcm4che has them
_LOST: Final = "\N{REPLACEMENT CHARACTER}"  # stands where decoding failed: what the value is not cannot be told
_SHORT: Final = 256  # bytes of a value that is worth to be compared as it is
_ENOUGH: Final = 4096  # bytes of a text that show whether there is more than padding in it


class HeaderView:
    """Root-level elements up to Pixel Data: where they are, and their values on demand.

    `MalformedDataSet` from the constructors and from `text`: a data set that breaks PS3.5 says nothing reliable.
    The values it gives are patient data.
    """

    __slots__ = ("_file", "_layout", "_source", "_tags", "_texts", "character_sets", "encoding")

    def __init__(self, source: Source, encoding: Encoding, layout: Layout | None = None, file: object = None) -> None:
        self._source = source
        self._file = file  # what was inflated lives as long as the view
        self._tags: set[int] | None = None
        self._texts: dict[int, str | None] = {}
        self._layout = index(source, encoding) if layout is None else layout
        self.encoding = encoding
        self.character_sets = encodings_of(source, self._layout)

    @classmethod
    def of_bytes(cls, data: bytes, transfer_syntax_uid: str, size: int | None = None) -> HeaderView:
        """A data set in memory: whole, or the beginning of one of `size` bytes, with all of its header."""
        encoding = encoding_of(transfer_syntax_uid)
        if encoding.deflated:
            return cls(Source(inflate_bytes(data)), encoding)
        return cls(Source(data, end=size), encoding)

    @classmethod
    def of_file(
        cls, file: BinaryIO | FileIO, offset: int, transfer_syntax_uid: str, end: int | None = None
    ) -> HeaderView:
        """The data set at `offset` of an open file, which must stay open as long as values are wanted."""
        encoding = encoding_of(transfer_syntax_uid)
        if not encoding.deflated:
            return cls(Source.of_file(file.fileno(), offset, end), encoding)
        inflated = tempfile.TemporaryFile()  # noqa: SIM115
        size = file.seek(0, 2) if end is None else end
        inflate_file(file.fileno(), offset, size, inflated.fileno())
        return cls(Source.of_file(inflated.fileno(), 0), encoding, file=inflated)

    def text(self, tag: int) -> str | None:
        """All values of a root-level element, joined with backslashes; None when it is absent or empty."""
        if tag not in self._texts:  # some are asked for by many rules
            self._texts[tag] = self._text(tag)
        return self._texts[tag]

    def _text(self, tag: int) -> str | None:
        place = self._layout.get(tag)
        if place is None:
            return None
        vr, _, value, stop = place
        if stop == value or vr == b"SQ" or tag in PIXEL_DATA:
            return None
        known = known_vr(tag, vr)
        # it would take a hundred times as much memory, and time while others wait
        if known not in STRINGS and stop - value > (_LONGEST_FRACTIONS if known in _FRACTIONS else _LONGEST_NUMBERS):
            raise MalformedDataSet(f"{named(tag)} is too long to be compared with a text", value)
        raw = self._source.read(value, stop - value)
        if known == b"OB":
            return "\\".join(map(_BYTES.__getitem__, raw))
        text = text_of(known, raw, self.character_sets, self.encoding.order)
        if text is not None and ((_LOST in text and _LOST.encode() not in raw) or "\x1b" in text):
            raise MalformedDataSet(f"{named(tag)} is not in the character set of (0008,0005)", value)
        return text

    def has_value(self, tag: int) -> bool:
        """Whether a root-level element has a value that may be read as text; how long it is does not matter."""
        place = self._layout.get(tag)
        if place is None:
            return False
        vr, start, value, stop = place
        if tag in PIXEL_DATA:
            return self.encoding.head_at(self._source, start, self._source.end)[3] != 0
        known = known_vr(tag, vr)
        if known == b"OB":
            return stop > value
        if known in NUMBERS:
            return stop - value >= NUMBERS[known][1]
        if stop - value > _ENOUGH:
            beginning = self._source.read(value, _ENOUGH)
            if text_of(known, beginning, self.character_sets, self.encoding.order) is not None:
                return True
        return self.text(tag) is not None

    def raw(self, tags: Sequence[int], longest: int) -> tuple[bytes, ...]:
        """Values of root-level elements as written; nothing for one that is absent, or longer than `longest`."""
        source, starts, shape = self._source, self._layout.starts, self._layout.shape
        block, base, find, heads = source.block, source.base, shape.index.get, shape.heads
        found = []
        for tag in tags:
            at = find(tag)
            if at is None:
                found.append(b"")
                continue
            value, stop = starts[at] + heads[at], starts[at + 1]
            if stop - value > longest:
                found.append(b"")
            elif base <= value and stop - base <= len(block):
                found.append(block[value - base : stop - base])
            else:
                found.append(source.read(value, stop - value))
        return tuple(found)

    def extract(self, tags: Sequence[int]) -> tuple[object, ...] | None:
        """What decides over the texts of root-level elements, as written; None when there is too much of it."""
        source, starts, shape = self._source, self._layout.starts, self._layout.shape
        block, base, find, heads = source.block, source.base, shape.index.get, shape.heads
        found: list[object] = [self.encoding.order]
        for tag in (SPECIFIC_CHARACTER_SET, *tags):
            at = find(tag)
            if at is None:
                found.append(None)
                continue
            value, stop = starts[at] + heads[at], starts[at + 1]
            if stop - value > _SHORT or value < base or stop - base > len(block) or tag in PIXEL_DATA:
                return None
            found += (shape.vrs[at], block[value - base : stop - base])
        return tuple(found)

    def present(self, tag: int) -> bool:
        """Whether the element is there, empty or not, at the root or in a sequence."""
        return tag in self._layout or tag in self._nested()

    def at_root(self, tag: int) -> bool:
        """Whether the root level has the element, empty or not."""
        return tag in self._layout

    def vr(self, tag: int) -> str | None:
        """The VR of a root-level element; None when it is absent."""
        place = self._layout.get(tag)
        return None if place is None else place[0].decode("ascii")

    def _nested(self) -> set[int]:
        if self._tags is None:
            self._tags = set()
            for vr, start, value, stop in self._layout.places():
                if vr == b"SQ" and stop > value:
                    length = self.encoding.head_at(self._source, start, stop)[3]
                    self._tags |= tags_within(self._source, value, length, stop, self.encoding)
        return self._tags
