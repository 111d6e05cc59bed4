# SPDX-License-Identifier: Apache-2.0
"""The changed instance as a Part 10 file: a new head with an empty preamble, then the new data set.

Where little of it is new it need not be written: patches say the same.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.dimse.part10 import file_head
from dromos_gateway.header.encoding import PIXEL_DATA
from dromos_gateway.header.output import SMALL, Pieces, Sink, Spilled, write_at, write_pieces
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_CHUNK: Final = 1024 * 1024


def write_target(
    target: Path,
    result: Changed,
    source: Source,
    pieces: Pieces | None,
    again: Callable[[Sink], None],
    *,
    deflated: bool,
) -> None:
    """Write `pieces`, or what `again` writes where they were too many. OSError; then there is no target file."""
    head = _head(result)
    fd = os.open(target, _FLAGS, 0o600)
    try:
        if deflated:
            write_at(fd, head, 0)
            with tempfile.TemporaryFile(dir=target.parent) as plain:
                _write_data_set(plain.fileno(), b"", source, pieces, again)
                _deflate(plain.fileno(), fd, len(head))
        else:
            _write_data_set(fd, head, source, pieces, again)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def patched_by(result: Changed, source: Source, layout: Layout, pieces: Pieces, most: int) -> Changed | None:
    """The same with patches, of up to `most` new bytes and one range of the source behind them; None: it takes a file.

    What is new goes up to the pixels' value, so that the whole header is in it.
    """
    if not most or not (found := pieces.finish()):
        return None
    *new, (_, last, start, stop) = found
    head = _head(result)
    front = head + b"".join([data if data is not None else b"" for _, data, _, _ in new])
    if last is not None:
        front, start, stop = front + last, 0, 0
    if len(front) > most or any(data is None for _, data, _, _ in new):
        return None
    value = next((layout.place(layout.shape.index[tag])[2] for tag in PIXEL_DATA & layout.shape.index.keys()), start)
    if start < value <= min(stop, start + SMALL):
        front, start = front + source.read(start, value - start), value
    _, offset = source.whereabouts(0)
    patches = (front, (offset + start, offset + stop)) if stop > start else (front,)
    return replace(result, patches=patches, data_set_offset=len(head))


def _head(result: Changed) -> bytes:
    return file_head(
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        transfer_syntax_uid=result.transfer_syntax_uid,
    )


def _write_data_set(fd: int, head: bytes, source: Source, pieces: Pieces | None, again: Callable[[Sink], None]) -> None:
    if pieces is not None:
        write_pieces(fd, head, pieces.finish(), source)
        return
    write_at(fd, head, 0)
    sink = Spilled(fd, len(head))
    again(sink)
    sink.flush()


def _deflate(source: int, target: int, at: int) -> None:
    """PS3.5 A.5: raw deflate, padded to even length."""
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    begun, position = at, 0
    while chunk := os.pread(source, _CHUNK, position):
        position += len(chunk)
        at += _put(target, machine.compress(chunk), at)
    at += _put(target, machine.flush(), at)
    if (at - begun) % 2:
        write_at(target, b"\0", at)


def _put(fd: int, data: bytes, at: int) -> int:
    write_at(fd, data, at)
    return len(data)
