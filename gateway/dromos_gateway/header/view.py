# SPDX-License-Identifier: Apache-2.0
"""The root-level values of a data set, as conditions ask for them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from io import FileIO
from typing import BinaryIO

from dromos_gateway.header.encoding import PIXEL_DATA, Encoding, encoding_of
from dromos_gateway.header.errors import MalformedDataSet, named
from dromos_gateway.header.inflating import inflate_bytes, inflate_file
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import character_sets, text_of
from dromos_gateway.header.vr import vr_of
from dromos_gateway.header.walking import value_end

_SPECIFIC_CHARACTER_SET = 0x00080005


class HeaderView:
    """Root-level elements up to Pixel Data: where they are, and their values on demand.

    `MalformedDataSet` from the constructors and from `text`: a data set that breaks PS3.5 says nothing reliable.
    The values it gives are patient data.
    """

    __slots__ = ("_encoding", "_encodings", "_file", "_places", "_source")

    def __init__(self, source: Source, encoding: Encoding, file: object = None) -> None:
        self._source = source
        self._encoding = encoding
        self._file = file  # what was inflated lives as long as the view
        self._places = index(source, encoding)
        self._encodings = encodings_of(source, self._places)

    @classmethod
    def of_bytes(cls, data: bytes, transfer_syntax_uid: str) -> HeaderView:
        """A data set in memory, whole or up to Pixel Data."""
        encoding = encoding_of(transfer_syntax_uid)
        return cls(Source(inflate_bytes(data) if encoding.deflated else data), encoding)

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
        return cls(Source.of_file(inflated.fileno(), 0), encoding, inflated)

    def text(self, tag: int) -> str | None:
        """All values of a root-level element, joined with backslashes; None when it is absent or empty."""
        place = self._places.get(tag)
        if place is None:
            return None
        vr, value, length = place
        if not length or vr == b"SQ":
            return None
        return text_of(known_vr(tag, vr), self._source.read(value, length), self._encodings, self._encoding.order)

    def present(self, tag: int) -> bool:
        """Whether the root level has the element, empty or not."""
        return tag in self._places

    def vr(self, tag: int) -> str | None:
        """The VR of a root-level element; None when it is absent."""
        place = self._places.get(tag)
        return None if place is None else place[0].decode("ascii")


def index(source: Source, encoding: Encoding) -> Mapping[int, tuple[bytes, int, int]]:
    """VR, position and length of the value of each root-level element before Pixel Data, which is the last one."""
    places: dict[int, tuple[bytes, int, int]] = {}
    head_at, position, end = encoding.head_at, 0, source.end
    while position < end:
        tag, vr, value, length = head_at(source, position, end)
        if tag in places:
            raise MalformedDataSet(f"{named(tag)} appears twice", position)
        if tag >> 16 in (0x0000, 0x0002, 0xFFFE):
            raise MalformedDataSet(f"{named(tag)} does not belong into a data set", position)
        if tag in PIXEL_DATA:
            places[tag] = (vr, value, 0)
            break
        stop = value_end(source, vr, value, length, end, encoding, 0)
        if stop > end:
            raise MalformedDataSet("the data set ends in an element", position)
        places[tag] = (vr, value, stop - value) if vr != b"SQ" else (vr, value, 0)
        position = stop
    return places


def encodings_of(source: Source, places: Mapping[int, tuple[bytes, int, int]]) -> tuple[str, ...]:
    """The character sets of the root level."""
    place = places.get(_SPECIFIC_CHARACTER_SET)
    value = source.read(place[1], place[2]) if place is not None else b""
    try:
        return character_sets(value)
    except LookupError:
        raise MalformedDataSet(
            "Specific Character Set (0008,0005) names an unknown one", place[1] if place else 0
        ) from None


def known_vr(tag: int, vr: bytes) -> bytes:
    """What a UN element is after all, where the standard knows its tag (PS3.5 6.2.2)."""
    return vr_of(tag) if vr == b"UN" else vr
