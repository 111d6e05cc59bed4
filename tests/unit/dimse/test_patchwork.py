# SPDX-License-Identifier: Apache-2.0
"""An object made of new bytes and ranges of a file is read, sent and written like the file that it stands for."""

from __future__ import annotations

import struct
from email.parser import BytesParser
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromos_gateway.dimse.errors import UnreadableObject
from dromos_gateway.dimse.filling import Fills
from dromos_gateway.dimse.outgoing import HEADERS
from dromos_gateway.dimse.patchwork import Patchwork, PatchworkReader, beginning_of, size_of, write_patches
from dromos_gateway.dimse.source import DataSetSource, send_buffer
from dromos_gateway.stow.multipart import MultipartBody, UnreadableFile

ORIGINAL = bytes(number * 7 % 251 for number in range(4000))
RANGES = st.tuples(st.integers(0, 4000), st.integers(0, 4000)).map(lambda ends: (min(ends), max(ends)))
STEPS = st.tuples(st.integers(1, 4), st.integers(1, 900))
FILLS = st.lists(
    st.tuples(st.integers(0, 4000), STEPS, STEPS, st.integers(1, 90), st.sampled_from((b"x", b"yy", b"red"))),
    max_size=3,
).map(tuple)
FILLED = st.tuples(RANGES, FILLS).map(lambda both: (*both[0], both[1]))
PATCHES = st.lists(st.one_of(st.binary(max_size=300), RANGES, FILLED), min_size=1, max_size=8).map(tuple)


def whole(patches: Patchwork) -> bytes:
    return b"".join(each if isinstance(each, bytes) else filled(*each) for each in patches)


def filled(start: int, stop: int, fills: Fills = ()) -> bytes:
    """A range of the original, each byte of each run written by itself."""
    copy = bytearray(ORIGINAL)
    for begin, (frames, far), (rows, near), length, unit in fills:
        for frame, row, place in product(range(frames), range(rows), range(length)):
            if (at := begin + frame * far + row * near + place) < len(copy):
                copy[at] = unit[place % len(unit)]
    return bytes(copy[start:stop])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("patchwork") / "original"
    path.write_bytes(ORIGINAL)
    return path


@settings(max_examples=100, deadline=None, derandomize=True)
@given(patches=PATCHES, cuts=st.lists(st.integers(1, 700), min_size=1, max_size=9), skipped=st.integers(0, 5000))
def test_it_is_read_in_whatever_portions(original: Path, patches: Patchwork, cuts: list[int], skipped: int) -> None:
    expected = whole(patches)
    assert size_of(patches) == len(expected)
    read = bytearray()
    with original.open("rb") as file:
        reader = PatchworkReader(file.fileno(), patches, skipped)
        while True:
            portion = [bytearray(cut) for cut in cuts]
            got = reader.read_into([memoryview(part) for part in portion])
            read += b"".join(portion)[:got]
            if got < sum(cuts):
                break
    assert read == expected[skipped:]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(patches=PATCHES, offset=st.integers(0, 299), size=st.integers(1, 900))
def test_it_is_sent_in_pdus(original: Path, patches: Patchwork, offset: int, size: int) -> None:
    expected = whole(patches)[offset:]
    if not expected:
        with pytest.raises(UnreadableObject):
            DataSetSource(original, offset, None, patches)
        return
    source, buffer, sent = DataSetSource(original, offset, None, patches), send_buffer(size), bytearray()
    try:
        while source.left:
            end, at = source.fill(buffer, 0, 1, size), 0
            while at < end:
                (length,) = struct.unpack_from(">I", buffer, at + 2)
                sent += buffer[at + HEADERS : at + 6 + length]
                at += 6 + length
    finally:
        source.close()
    assert sent == expected


def test_it_is_part_of_a_request(original: Path) -> None:
    patches = (b"new" * 100_000, (10, 3000), b"!", (3001, 4000))
    body = MultipartBody([original, original], "b0undary", [size_of(patches), len(ORIGINAL)], [patches, ()])
    raw = b"".join(body.blocks())
    assert len(raw) == body.length
    parts = BytesParser().parsebytes(f"Content-Type: {body.content_type}\r\n\r\n".encode() + raw).get_payload()
    assert isinstance(parts, list)
    assert [part.get_payload(decode=True) for part in parts] == [whole(patches), ORIGINAL]


def test_it_is_written(original: Path, tmp_path: Path) -> None:
    patches = (b"new", (10, 3000), b"!", (0, 4000))
    write_patches(original, patches, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == whole(patches)
    assert beginning_of(patches, 1, 9) == b"ew"
    assert beginning_of(((0, 5), b"new"), 0, 9) == b""


def test_a_file_that_became_shorter_is_no_object(original: Path, tmp_path: Path) -> None:
    """What is behind the range must not move forward into its place."""
    patches = (b"new", (3990, 4010), b"behind")
    source = DataSetSource(original, 0, None, patches)
    with pytest.raises(UnreadableObject, match="shorter"):
        source.fill(send_buffer(500), 0, 1, 500)
    source.close()
    with pytest.raises(UnreadableFile, match="shorter"):
        list(MultipartBody([original], "b", [size_of(patches)], [patches]).blocks())
    with pytest.raises(OSError, match="ended"):
        write_patches(original, patches, tmp_path / "target")
    assert not (tmp_path / "target").exists()
