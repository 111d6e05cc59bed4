# SPDX-License-Identifier: Apache-2.0
"""Cutting the stream: however the bytes arrive, the messages are the same."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromos_gateway.dimse import pdu
from dromos_gateway.dimse.framing import MAX_CARRY, PduReader, Violation

MAX_PDU = 4096


class Recorder:
    """Gathers what the reader finds, and what belongs together."""

    def __init__(self):
        self.reader = PduReader(self, max_pdu=MAX_PDU, max_associate=8192)
        self.found: list[tuple[object, ...]] = []
        self.carry = b""

    def control_begins(self, kind): ...

    def gathering(self, length): ...

    def control(self, kind, body):
        self.found.append((kind, body))

    def data_begins(self): ...

    def fragment_begins(self, context_id, is_command):
        self.fragment_of = (context_id, is_command)
        self.gathered = b""

    def fragment(self, view):
        assert len(view) > 0
        self.gathered += view

    def fragment_ends(self, is_last):
        self.found.append((*self.fragment_of, is_last, self.gathered))

    def feed(self, data: bytes) -> None:
        data = self.carry + data
        consumed = self.reader.feed(memoryview(data))
        self.carry = data[consumed:]
        assert len(self.carry) < MAX_CARRY


pdvs = st.tuples(st.integers(0, 255), st.booleans(), st.booleans(), st.binary(max_size=200))
units = st.one_of(
    st.lists(pdvs, min_size=1, max_size=5),
    st.sampled_from((pdu.RELEASE_RQ, pdu.RELEASE_RP, pdu.ABORT, pdu.ASSOCIATE_RJ)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.binary(min_size=4, max_size=4))
    ),
    st.tuples(st.sampled_from((pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC)), st.binary(min_size=68, max_size=300)),
)


def encode(unit):
    if isinstance(unit, tuple):
        return struct.pack(">BxI", unit[0], len(unit[1])) + unit[1]
    body = b"".join(
        struct.pack(">IBB", len(data) + 2, context_id, is_command | is_last << 1) + data
        for context_id, is_command, is_last, data in unit
    )
    return struct.pack(">BxI", pdu.DATA_TF, len(body)) + body


@given(st.lists(units, max_size=8), st.data())
def test_any_cutting_of_the_stream_gives_the_same(stream, data):
    encoded = b"".join(map(encode, stream))
    recorder = Recorder()
    position = 0
    while position < len(encoded):
        size = data.draw(st.one_of(st.integers(1, 15), st.integers(1, len(encoded))))
        recorder.feed(encoded[position : position + size])
        position += size
    expected = [found for unit in stream for found in ([unit] if isinstance(unit, tuple) else unit)]
    assert recorder.found == expected
    assert not recorder.carry
    assert not recorder.reader.in_pdu


@given(st.lists(st.binary(max_size=64), max_size=6))
def test_no_bytes_make_the_reader_fail_otherwise(pieces):
    recorder = Recorder()
    with contextlib.suppress(Violation):
        for piece in pieces:
            recorder.feed(piece)


@given(st.lists(units, min_size=1, max_size=4), st.data())
def test_nor_do_valid_streams_with_bytes_changed(stream, data):
    encoded = bytearray(b"".join(map(encode, stream)))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Violation):
        Recorder().feed(bytes(encoded))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x00\x00\x00\x00\x04", 1),
        (b"\x08\x00\x00\x00\x00\x04", 1),
        (b"\x04\x00\x00\x00\x00\x00", 6),  # length 0
        (b"\x04\x00\x80\x00\x00\x00", 6),  # 2 GiB
        (b"\x04\x00" + (MAX_PDU + 1).to_bytes(4, "big"), 6),
        (b"\x01\x00\x80\x00\x00\x00", 6),
        (b"\x01\x00\x00\x00\x00\x43", 6),  # shorter than the fixed part
        (b"\x05\x00\x00\x00\x00\x05", 6),
        (b"\x07\x00\x00\x00\x00\x00", 6),
        (b"\x04\x00\x00\x00\x00\x08" + b"\x00\x00\x00\x01\x01\x03", 6),  # a PDV without its own header
        (b"\x04\x00\x00\x00\x00\x08" + b"\x00\x00\x00\x05\x01\x03", 6),  # longer than the PDU
        (b"\x04\x00\x00\x00\x00\x08" + b"\xff\xff\xff\xff\x01\x03", 6),
        (b"\x04\x00\x00\x00\x00\x08" + b"\x00\x00\x00\x02\x01\x03", 6),  # two bytes after the last PDV
    ],
)
def test_a_broken_header_earns_the_right_abort_before_anything_is_kept(data, reason):
    with pytest.raises(Violation) as raised:
        Recorder().feed(data)
    assert (raised.value.source, raised.value.reason) == (2, reason)


def test_a_paused_reader_stops_where_it_is() -> None:
    recorder = Recorder()
    one = encode([(1, True, True, b"abc")])
    inner = recorder.fragment_ends

    def pause(is_last: bool) -> None:
        inner(is_last)
        recorder.reader.paused = True

    recorder.fragment_ends = pause  # type: ignore[method-assign]
    assert recorder.reader.feed(memoryview(one + one)) == len(one)
