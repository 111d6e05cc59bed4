# SPDX-License-Identifier: Apache-2.0
"""The file format around a data set (PS3.10 7.1), without decoding the data set.

What is written is a pure function of its arguments: the same instance gives the same bytes after a retry or a restart.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dromos_gateway.dimse.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_PREAMBLE = bytes(128) + b"DICM"
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_USUAL_META = 4096
_MAX_META = 64 * 1024


class NotPart10(ValueError):
    """The file is not a DICOM file with file meta information, or the meta information is broken."""


@dataclass(frozen=True, slots=True)
class FileHead:
    """What the file meta information says, and where the data set begins."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int


def file_head(
    *, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source_ae_title: str = ""
) -> bytes:
    """Preamble, prefix and file meta information, ready to be followed by the data set."""
    before, after = _around(sop_class_uid, transfer_syntax_uid, source_ae_title)
    own = _element(0x0003, b"UI", _uid(sop_instance_uid))
    length = struct.pack("<I", len(before) + len(own) + len(after))
    return b"".join((_PREAMBLE, _element(0x0000, b"UL", length), before, own, after))


def read_head(path: Path) -> FileHead:
    """Read the file meta information of a file. OSError when it cannot be read, `NotPart10` when it is no such file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        block = os.read(fd, _USUAL_META)
        found = _values(block)
        if len(block) == _USUAL_META and found is None:
            block += os.read(fd, _MAX_META)
            found = _values(block)
    finally:
        os.close(fd)
    return _head(block, found)


def parse_head(block: bytes) -> FileHead:
    """Read the file meta information at the beginning of `block`."""
    return _head(block, _values(block))


def _head(block: bytes, found: tuple[dict[int, bytes], int] | None) -> FileHead:
    if block[128:132] != b"DICM":
        raise NotPart10("no DICM prefix at offset 128: not a DICOM file, or one without file meta information")
    if found is None:
        raise NotPart10("the file ends in its meta information, or that is longer than 64 KiB")
    values, end = found
    return FileHead(
        _required(values, 0x0002, "Media Storage SOP Class UID"),
        _required(values, 0x0003, "Media Storage SOP Instance UID"),
        _required(values, 0x0010, "Transfer Syntax UID"),
        end,
    )


def _elements(block: bytes) -> Iterator[tuple[int, int, int]]:
    """(element, start, end) of the values of group 0002; an end may lie beyond the block."""
    offset = 132
    while offset + 8 <= len(block):
        group, element = struct.unpack_from("<HH", block, offset)
        if group != 0x0002:
            return
        if block[offset + 4 : offset + 6] in _LONG_VRS:
            if offset + 12 > len(block):
                yield element, offset + 12, len(block) + 1
                return
            start, length = offset + 12, struct.unpack_from("<I", block, offset + 8)[0]
        else:
            start, length = offset + 8, struct.unpack_from("<H", block, offset + 6)[0]
        offset = start + length
        yield element, start, offset


def _values(block: bytes) -> tuple[dict[int, bytes], int] | None:
    """Values by element, and where the data set begins; None when the block does not show it."""
    values, end = {}, 132
    for element, start, end in _elements(block):
        if end > len(block):
            return None
        values[element] = block[start:end]
    return (values, end) if end + 2 <= len(block) or len(block) < _USUAL_META else None


def _required(values: dict[int, bytes], element: int, name: str) -> str:
    value = values.get(element, b"").rstrip(b"\x00 ").decode("ascii", "replace")
    if not value:
        raise NotPart10(f"file meta information has no {name} (0002,{element:04X})")
    return value


@lru_cache(maxsize=64)
def _around(sop_class_uid: str, transfer_syntax_uid: str, source_ae_title: str) -> tuple[bytes, bytes]:
    """What stands before and behind the instance's UID: the same for all instances of a series."""
    before = _element(0x0001, b"OB", b"\x00\x01") + _element(0x0002, b"UI", _uid(sop_class_uid))
    after = [
        _element(0x0010, b"UI", _uid(transfer_syntax_uid)),
        _element(0x0012, b"UI", _uid(IMPLEMENTATION_CLASS_UID)),
        _element(0x0013, b"SH", _text(IMPLEMENTATION_VERSION_NAME)),
    ]
    if source_ae_title:
        after.append(_element(0x0016, b"AE", _text(source_ae_title)))
    return before, b"".join(after)


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    if vr in _LONG_VRS:
        return struct.pack("<HH2sHI", 0x0002, element, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value


def _uid(uid: str) -> bytes:
    value = uid.encode("ascii")
    return value + b"\x00" * (len(value) % 2)


def _text(text: str) -> bytes:
    value = text.encode("ascii", "replace")
    return value + b" " * (len(value) % 2)
