# SPDX-License-Identifier: Apache-2.0
"""What is seen at a glance is what a walk finds; and where a glance is not enough, it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.header.encoding import encoding_of
from dromos_gateway.header.source import Source
from dromos_gateway.transferlog.identifiers import _read, glance, read_front  # the walk itself
from tests.unit.transferlog.fronts import front

IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2"))


def _walked(block: bytes, syntax: str) -> object:
    return _read(Source(block), encoding_of(syntax))[0]


def _sequence() -> Sequence:
    item = Dataset()
    item.PatientID = "of an item"
    return Sequence([item])


@pytest.mark.parametrize(("syntax", "implicit"), [(EXPLICIT, False), (IMPLICIT, True)])
def test_a_glance_sees_what_a_walk_finds(syntax: str, *, implicit: bool) -> None:
    for elements in (
        {},
        {"StudyDate": "20260131", "StudyTime": "130501.25", "SeriesDescription": "axial", "SeriesDate": "20260131"},
        {"SpecificCharacterSet": "ISO_IR 192", "StudyDescription": "Schädel", "PatientName": "Müller^Zoë"},
        {"ReferencedStudySequence": _sequence(), "PatientComments": "x" * 300},
        {"PatientID": "", "AccessionNumber": ""},
    ):
        block = front(implicit=implicit, **elements)
        seen = glance(block, syntax)
        assert seen is not None
        assert seen == _walked(block, syntax) == read_front(block, syntax)


@pytest.mark.parametrize(
    ("block", "syntax"),
    [
        (b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff\xfe\xff\xdd\xe0\x00\x00\x00\x00" + front(), EXPLICIT),
        (front(little=False), BIG),
        (front(), DEFLATED),
        (front()[:60], EXPLICIT),
        (b"", EXPLICIT),
        (b"\x02\x00\x10\x00UI\x04\x001.2 " + front(), EXPLICIT),
        (b"\x08\x00\x05\x00??\x04\x001.2 " + front(), EXPLICIT),
    ],
)
def test_a_glance_that_is_not_enough_says_so(block: bytes, syntax: str) -> None:
    assert glance(block, syntax) is None


@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from([EXPLICIT, IMPLICIT]))
def test_nothing_confuses_it(noise: bytes, at: int, syntax: str) -> None:
    block = front(implicit=syntax == IMPLICIT)
    for each in (noise, block[:at] + noise + block[at:]):
        seen = glance(each, syntax)
        assert seen is None or seen == _walked(each, syntax)
