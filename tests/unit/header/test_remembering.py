# SPDX-License-Identifier: Apache-2.0
"""What was met before changes nothing: a header is read as if it were the first one."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.header import MalformedDataSet, remembering
from dromos_gateway.header.encoding import encoding_of
from dromos_gateway.header.indexing import index
from dromos_gateway.header.source import Source
from tests.unit.header.test_view import BIG, EXPLICIT, IMPLICIT, encode, sample


@pytest.fixture(autouse=True)
def nothing_met():
    forget()
    yield
    forget()


def forget() -> None:
    remembering._MET.clear()
    remembering._KNOWN.clear()


def found(data: bytes, syntax: str) -> tuple[object, ...]:
    try:
        layout = index(Source(data), encoding_of(syntax))
    except MalformedDataSet as error:
        return (str(error),)
    return tuple(layout.places()), tuple(layout.shape.tags), tuple(layout.unbounded)


def met(data: bytes, syntax: str) -> None:
    for _ in range(3):
        index(Source(data), encoding_of(syntax))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_every_change_of_one_byte_is_read_as_if_it_came_first(syntax: str) -> None:
    data = encode(sample(), syntax)
    changed = [data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in range(len(data)) for bit in (1, 0x80)]
    changed += [data + b"\0\0", data[:-2], data[:-32], data[:40]]
    fresh = []
    for each in changed:
        forget()
        fresh.append(found(each, syntax))
    met(data, syntax)
    assert len(remembering._KNOWN) == 1, "what follows is compared with something"
    assert [found(each, syntax) for each in changed] == fresh


def test_the_same_heads_are_walked_once() -> None:
    data = encode(sample(), EXPLICIT)
    met(data, EXPLICIT)
    other = data.replace(b"Doe^Jane", b"Roe^Mary")
    assert other != data
    assert index(Source(other), encoding_of(EXPLICIT)) is index(Source(data), encoding_of(EXPLICIT))


def test_what_has_no_length_is_walked_each_time() -> None:
    """Its end is where its content says."""
    data = encode(sample(undefined=True), EXPLICIT)
    met(data, EXPLICIT)
    assert not remembering._KNOWN


def test_lengths_that_come_to_the_same_sum_are_told_apart() -> None:
    one, other = (Dataset(), Dataset())
    for data, name, number in ((one, "Doe^Jane", "12"), (other, "Doe^Jo", "1234")):
        data.PatientName, data.PatientID = name, number
        data.add_new(0x7FE00010, "OW", b"\0" * 8)
    one_, other_ = encode(one, EXPLICIT), encode(other, EXPLICIT)
    assert len(one_) == len(other_)
    met(one_, EXPLICIT)
    places = found(other_, EXPLICIT)
    forget()
    assert places == found(other_, EXPLICIT)


def test_memory_is_bounded() -> None:
    for number in range(100):
        data = sample()
        data.PatientComments = "1" * (2 * number)
        data.ReferencedStudySequence = Sequence([Dataset()] * number)
        met(encode(data, EXPLICIT), EXPLICIT)
    assert len(remembering._KNOWN) <= remembering._MOST_SIZES
    assert all(len(known) <= remembering._MOST_OF_A_SIZE for known in remembering._KNOWN.values())
