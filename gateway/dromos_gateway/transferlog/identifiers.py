# SPDX-License-Identifier: Apache-2.0
"""What a transfer is known by: the few attributes of patient, study and series, read from the front of a data set.

Nothing depends on finding them. What breaks the standard says as much as was read before.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path

from dromos_gateway.header import HeaderView
from dromos_gateway.header.encoding import EXPLICIT, PIXEL_DATA, Encoding, encoding_of
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import character_sets, text_of
from dromos_gateway.header.walking import value_end
from dromos_gateway.transferlog.glance import Glance

_INFLATED = 64 * 1024  # bytes of a deflated data set that are looked at
_LONGEST = 256  # characters of a value that are kept
_CHARACTER_SET = 0x00080005
_LAST = 0x0020000E  # Series Instance UID; nothing behind it is wanted


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Attributes by their keywords in snake case; empty where the instance has none. All of it is patient data."""

    patient_id: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_time: str = field(default="", repr=False)
    series_instance_uid: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)
    series_date: str = field(default="", repr=False)
    modality: str = field(default="", repr=False)


NAMES = tuple(each.name for each in fields(Identifiers))
_TAGS = {
    0x00080020: ("study_date", b"DA"),
    0x00080021: ("series_date", b"DA"),
    0x00080030: ("study_time", b"TM"),
    0x00080050: ("accession_number", b"SH"),
    0x00080060: ("modality", b"CS"),
    0x00081030: ("study_description", b"LO"),
    0x0008103E: ("series_description", b"LO"),
    0x00100020: ("patient_id", b"LO"),
    0x0020000D: ("study_instance_uid", b"UI"),
    0x0020000E: ("series_instance_uid", b"UI"),
}


_WANTED = (_CHARACTER_SET, *_TAGS)
_ABSURD = 1024 * 1024  # bytes of a value that identifies nothing
_GLANCE = Glance(_WANTED, _ABSURD)
_USUAL = 2048  # bytes of all values together; longer ones are not kept in memory


def glance(beginning: bytes, transfer_syntax_uid: str) -> Identifiers | None:
    """From the first bytes of a data set, where they are like those of most; None: nobody knows yet."""
    encoding = encoding_of(transfer_syntax_uid)
    seen = _GLANCE.at(beginning, encoding)
    return None if seen is None else _of_values(seen, encoding.order)


def read_front(beginning: bytes, transfer_syntax_uid: str, path: Path | None = None, offset: int = 0) -> Identifiers:
    """From the first bytes of a data set; from its file as well where these end too early."""
    if (seen := glance(beginning, transfer_syntax_uid)) is not None:
        return seen
    encoding = encoding_of(transfer_syntax_uid)
    if encoding.deflated:
        return _read(Source(_inflated(beginning)), EXPLICIT)[0]
    found, complete = _read(Source(beginning), encoding)
    return found if complete or path is None else read_file(path, offset, transfer_syntax_uid)


def read_view(view: HeaderView) -> Identifiers:
    """From a header that somebody has read already."""
    try:
        raw = view.raw(_WANTED, _ABSURD)
    except MalformedDataSet:  # a value that is not there: then nothing is known of it
        return Identifiers()
    return _of_values(raw, view.encoding.order)


def read_file(path: Path, offset: int, transfer_syntax_uid: str) -> Identifiers:
    """From a file whose data set begins at `offset`; nothing when it cannot be read."""
    encoding = encoding_of(transfer_syntax_uid)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Identifiers()
    try:
        if encoding.deflated:
            return _read(Source(_inflated(os.pread(descriptor, _INFLATED, offset))), EXPLICIT)[0]
        return _read(Source.of_file(descriptor, offset), encoding)[0]
    except OSError:
        return Identifiers()
    finally:
        os.close(descriptor)


def _inflated(deflated: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated, _INFLATED)
    except zlib.error:
        return b""


def _read(source: Source, encoding: Encoding) -> tuple[Identifiers, bool]:
    """What was found, and whether the walk came as far as it has to."""
    places: dict[int, tuple[int, int]] = {}
    head_at, position, end, complete = encoding.head_at, 0, source.end, False
    try:
        while position < end:
            tag, vr, value, length = head_at(source, position, end)
            if tag > _LAST or tag in PIXEL_DATA:
                complete = True
                break
            stop = value_end(source, vr, value, length, end, encoding, 0)
            if stop > end:
                break
            if (tag in _TAGS or tag == _CHARACTER_SET) and stop - value <= _ABSURD:
                places[tag] = (value, stop - value)
            position = stop
        complete = complete or _LAST in places
    except MalformedDataSet:
        pass
    return _decoded(source, places, encoding.order), complete


def _decoded(source: Source, places: dict[int, tuple[int, int]], order: str) -> Identifiers:
    return _of_values(tuple([source.read(*places[tag]) if tag in places else b"" for tag in _WANTED]), order)


def _of_values(raw: tuple[bytes, ...], order: str) -> Identifiers:
    return _known(raw, order) if sum(map(len, raw)) <= _USUAL else _texts(raw, order)


def _texts(raw: tuple[bytes, ...], order: str) -> Identifiers:
    """The texts of values in the order of `_WANTED`."""
    try:
        encodings = character_sets(raw[0])
    except (LookupError, MalformedDataSet):
        encodings = ("iso8859",)
    texts: dict[str, str] = {}
    for (name, vr), value in zip(_TAGS.values(), raw[1:], strict=True):
        if value:
            try:
                texts[name] = (text_of(vr, value, encodings, order) or "")[:_LONGEST]
            except (MalformedDataSet, UnicodeError, LookupError):
                continue
    return Identifiers(**texts)


_known = lru_cache(maxsize=1024)(_texts)  # the images of a series have the same values
