# SPDX-License-Identifier: Apache-2.0
"""Words in compressed pixels and behind native ones are written over, and what decodes to pixels stays as it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.dimse.part10 import read_head
from tests.deid.writer import Node, Style, data_set, part10
from tests.unit.deid.instances import BASIC, plan

_WORDS = b"DOE^JANE 1970"
_JPEG, _JPEG_LS, _JPEG_2000, _RLE = (f"1.2.840.10008.1.2.{which}" for which in ("4.70", "4.80", "4.90", "5"))
_SCAN = b"\xff\xda\x00\x08\x01\x00\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56"
_NATIVE: list[Node] = [
    (0x00280002, "US", b"\1\0"),
    (0x00280010, "US", b"\2\0"),
    (0x00280011, "US", b"\2\0"),
    (0x00280100, "US", b"\x10\0"),
]


def _segment(code: int, payload: bytes) -> bytes:
    return b"\xff" + bytes((code,)) + struct.pack(">H", len(payload) + 2) + payload


def _item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _fragments(*contents: bytes, table: bytes = b"") -> bytes:
    items = b"".join(map(_item, (table, *(content + bytes(len(content) % 2) for content in contents))))
    head = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 0xFFFFFFFF)
    return head + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _out(folder: Path, pixels: bytes, syntax: str = Style().syntax, *nodes: Node, **recipe: Any) -> bytes:
    """The pixel data element that comes out."""
    base: list[Node] = [
        (0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2"), (0x00080018, "UI", b"1.2.3.4"), (0x00100020, "LO", b"P1"),
    ]  # fmt: skip
    path, target = folder / "in.dcm", folder / "out.dcm"
    path.write_bytes(part10("1.2", "1.2.3.4", data_set([*base, *nodes], Style()) + pixels, Style()))
    instance = Instance(path, read_head(path).data_set_offset, syntax)
    outcome = deidentify(instance, target, plan(BASIC, **recipe), "PSEUDO")
    assert isinstance(outcome, Changed), outcome
    patched = deidentify(instance, folder / "other.dcm", plan(BASIC, **recipe), "PSEUDO", most=1 << 20)
    assert isinstance(patched, Changed)
    written = target.read_bytes()
    assert bool(patched.patches) is not (folder / "other.dcm").exists()
    return written[written.index(struct.pack("<HH", 0x7FE0, 0x10)) :]


@pytest.mark.parametrize("syntax", [_JPEG, _JPEG_LS])
def test_comments_and_application_data(tmp_path: Path, syntax: str) -> None:
    jfif, adobe = _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), _segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    kept = b"\xff\xd8" + jfif + adobe + _segment(0xFE, b"LEAD Technologies Inc. V1.01")
    tables = _segment(0xC4, b"\xff" + bytes(17)) + _segment(0xC3, bytes(11))
    said = (_segment(0xFE, _WORDS), _segment(0xE1, b"Exif\0\0" + _WORDS), _segment(0xE0, b"JFIF\0" + bytes(9) + _WORDS))
    frame = kept + said[0] + tables + said[1] + said[2] + _SCAN + said[0] + b"\xff\xd9" + _WORDS
    begun = b"\xff\xd8" + _SCAN  # goes on in the next fragment
    first = _fragments(frame, begun, _SCAN[10:] + said[0] + b"\xff\xd9")
    out = _out(tmp_path, first, syntax)
    blank = (_segment(0xFE, b" " * 13), _segment(0xE1, bytes(19)), _segment(0xE0, b"JFIF\0" + bytes(22)))
    wanted = kept + blank[0] + tables + blank[1] + blank[2] + _SCAN + blank[0] + b"\xff\xd9" + bytes(13)
    assert out == _fragments(wanted, begun, _SCAN[10:] + blank[0] + b"\xff\xd9")
    assert _out(tmp_path, out, syntax) == out
    assert _out(tmp_path, first, syntax, morphing=True) == first


def test_jpeg_2000(tmp_path: Path) -> None:
    def stream(said: bytes, behind: bytes, tile_said: bytes) -> bytes:
        tile = _segment(0x64, b"\0\1" + tile_said) + b"\xff\x93" + b"\x12\xff\x64\x34\xff\x4f"
        start = b"\xff\x90\x00\x0a\x00\x00" + struct.pack(">IBB", len(tile) + 12, 0, 1)
        made = _segment(0x64, b"\0\1Created by OpenJPEG version 2.5.0")
        return b"\xff\x4f" + _segment(0x51, bytes(38)) + made + said + start + tile + b"\xff\xd9" + behind

    words, spaces = _segment(0x64, b"\0\1" + _WORDS), _segment(0x64, b"\0\1" + b" " * 13)
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 21, b"xml ")
    given = (stream(words, _WORDS, _WORDS), boxes + _WORDS + struct.pack(">I4s", 0, b"jp2c") + stream(words, b"", b""))
    wanted = (
        stream(spaces, bytes(13), b" " * 13),
        boxes + bytes(13) + struct.pack(">I4s", 0, b"jp2c") + stream(spaces, b"", b""),
    )
    assert _out(tmp_path, _fragments(*given), _JPEG_2000) == _fragments(*wanted)


@pytest.mark.parametrize("syntax", [_JPEG, _JPEG_2000])
def test_a_fragment_behind_the_end_of_an_image_is_none(tmp_path: Path, syntax: str) -> None:
    frame = b"\xff\xd8" + _SCAN + b"\xff\xd9"
    if syntax == _JPEG_2000:
        frame = b"\xff\x4f" + _segment(0x51, bytes(38)) + b"\xff\xd9"
    whole, unfinished = frame + bytes(len(frame) % 2), frame[:-2] + bytes(len(frame) % 2)
    assert _out(tmp_path, _fragments(whole, _WORDS, whole), syntax) == _fragments(whole, bytes(14), whole)
    going_on = _fragments(unfinished, b"\x12\x34", whole)
    assert _out(tmp_path, going_on, syntax) == going_on


def test_rle_and_offset_tables(tmp_path: Path) -> None:
    header = struct.pack("<II", 1, 64)
    given, wanted = header + _WORDS + bytes(43) + b"\1\2\3\4", header + bytes(56) + b"\1\2\3\4"
    assert _out(tmp_path, _fragments(given), _RLE) == _fragments(wanted)
    true = struct.pack("<II", 0, 8 + len(wanted))
    assert _out(tmp_path, _fragments(wanted, wanted, table=true), _RLE) == _fragments(wanted, wanted, table=true)
    for table in (_WORDS[:12], b"\0\0\0\0" + _WORDS[:8]):
        assert _out(tmp_path, _fragments(wanted, wanted, table=table), _RLE) == _fragments(wanted, wanted)


@pytest.mark.parametrize("native", [False, True])
def test_extended_offset_tables_that_are_none_go(tmp_path: Path, native: bool) -> None:
    frame = struct.pack("<II", 1, 64) + bytes(56) + b"\1\2\3\4"
    pixels = data_set([(0x7FE00010, "OW", bytes(8))], Style()) if native else _fragments(frame, frame)
    syntax = Style().syntax if native else _RLE
    size = len(frame)
    true: list[Node] = [
        (0x7FE00001, "OV", struct.pack("<QQ", 0, size + 8)),
        (0x7FE00002, "OV", struct.pack("<QQ", size, size)),
        (0x7FE00003, "UV", struct.pack("<Q", 2 * size)),
    ]
    _out(tmp_path, pixels, syntax, *_NATIVE, *true)
    written = (tmp_path / "out.dcm").read_bytes()
    assert [data_set([node], Style()) in written for node in true] == [not native] * 3
    for node in true:
        false = (node[0], node[1], b"DOE^JANE")
        out = _out(tmp_path, pixels, syntax, *_NATIVE, false)
        assert b"DOE^JANE" not in (tmp_path / "out.dcm").read_bytes()
        assert out[-len(pixels) :] == pixels


@pytest.mark.parametrize(
    ("frames", "stays"), [(None, 8), (b"1 ", 8), (b"2 ", 16), (b"3 ", 24), (b"none", 24), (b"0 ", 24)]
)
def test_bytes_behind_the_last_native_pixel(tmp_path: Path, frames: bytes | None, stays: int) -> None:
    pixels = bytes(range(1, 25))
    nodes = [*_NATIVE, *([(0x00280008, "IS", frames)] if frames else [])]
    out = _out(tmp_path, data_set([(0x7FE00010, "OW", pixels)], Style()), Style().syntax, *nodes)
    assert out[12:] == pixels[:stays] + bytes(24 - stays)
    exact = data_set([(0x7FE00010, "OW", pixels[:8])], Style())
    assert _out(tmp_path, exact, Style().syntax, *_NATIVE) == exact


def test_large_fragments_are_read_in_parts(tmp_path: Path) -> None:
    frame = b"\xff\xd8" + _SCAN + b"\x55" * (3 << 20) + _segment(0xFE, _WORDS) + b"\xff\xd9"
    assert _out(tmp_path, _fragments(frame), _JPEG) == _fragments(frame.replace(_WORDS, b" " * 13))
