# SPDX-License-Identifier: Apache-2.0
"""Pieces of a changed data set, written to a file: short and long ranges, writes that take only a part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dromos_gateway.header import output
from dromos_gateway.header.output import Counting, Pieces, Sink, Spilled, TooLarge, write_pieces
from dromos_gateway.header.source import Source

HEAD = b"head"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[tuple[int, bytes]]:
    """A file of 3 MiB, and what is in it."""
    content = os.urandom(3 << 20)
    (tmp_path / "origin").write_bytes(b"offset" + content)
    fd = os.open(tmp_path / "origin", os.O_RDONLY)
    yield fd, content
    os.close(fd)


def fill(sink: Sink, source: Source, content: bytes, longest: int) -> bytes:
    """Splice ranges of every size up to `longest` in, with a length that is written over; what must come out."""
    expected = bytearray()
    position = 0
    for length in (0, 1, 100, output.SMALL, output.SMALL + 1, longest):
        sink.splice(source, position, position + length, b"new!")
        expected += content[position : position + length] + b"new!"
        position += length + 10
    sink.patch(len(expected) - 4, b"OVER")
    expected[-4:] = b"OVER"
    assert sink.total == len(expected)
    return bytes(expected)


@pytest.mark.parametrize("longest", [output.SMALL, 300_000, 2_500_000])
def test_every_sink_takes_the_same(tmp_path: Path, origin: tuple[int, bytes], longest: int) -> None:
    fd, content = origin
    source = Source.of_file(fd, 6)
    pieces = Pieces()
    expected = fill(pieces, source, content, longest)
    target = os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT)
    write_pieces(target, HEAD, pieces.finish(), source)
    assert (tmp_path / "1").read_bytes() == HEAD + expected
    spilled = Spilled(os.open(tmp_path / "2", os.O_RDWR | os.O_CREAT), 0)
    assert fill(spilled, Source.of_file(fd, 6), content, longest) == expected
    spilled.flush()
    assert (tmp_path / "2").read_bytes() == expected
    assert fill(Counting(), Source.of_file(fd, 6), content, longest) == expected


@pytest.mark.parametrize("most", [1, 3, 70_000])
def test_a_write_that_takes_only_a_part(
    tmp_path: Path, origin: tuple[int, bytes], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    fd, content = origin
    source, pieces = Source.of_file(fd, 6), Pieces()
    expected = fill(pieces, source, content, 300_000)
    target = os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT)

    def part(into: int, buffers: list[Any], offset: int) -> int:
        return os.pwrite(into, b"".join(buffers)[:most], offset)

    monkeypatch.setattr(output.os, "pwritev", part)
    write_pieces(target, HEAD, pieces.finish(), source)
    assert (tmp_path / "1").read_bytes() == HEAD + expected


def test_a_file_that_got_shorter_is_an_error(tmp_path: Path, origin: tuple[int, bytes]) -> None:
    fd, content = origin
    source, pieces = Source.of_file(fd, 6), Pieces()
    fill(pieces, source, content, 300_000)
    os.truncate(tmp_path / "origin", 50_000)
    with pytest.raises(EOFError):
        write_pieces(os.open(tmp_path / "1", os.O_RDWR | os.O_CREAT), HEAD, pieces.finish(), source)


def test_too_much_for_memory(origin: tuple[int, bytes]) -> None:
    pieces = Pieces()
    source = Source(b"x" * 1000)
    for _ in range(output.MOST // (output.SMALL + 1000)):
        pieces.splice(source, 0, 1000, bytes(output.SMALL))
    with pytest.raises(TooLarge):
        pieces.splice(source, 0, 1000, bytes(output.SMALL))
