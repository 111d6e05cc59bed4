# SPDX-License-Identifier: Apache-2.0
"""Is a data set the announced instance? Encoded by pydicom, in every kind of transfer syntax."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dromos_gateway.dimse import uids
from dromos_gateway.dimse.identity import Identity, identify

CT, UID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.9.1"
JPEG = "1.2.840.10008.1.2.4.50"
PRIVATE = "1.3.46.670589.33.1.4.1"
SYNTAXES = (
    uids.IMPLICIT_VR_LITTLE_ENDIAN,
    uids.EXPLICIT_VR_LITTLE_ENDIAN,
    uids.EXPLICIT_VR_BIG_ENDIAN,
    uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    JPEG,
    PRIVATE,
)


def encode(syntax, **elements):
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.ImageType = ["ORIGINAL", "PRIMARY"]
    data_set.SOPClassUID = CT
    data_set.SOPInstanceUID = UID
    data_set.PatientID = "1"
    for name, value in elements.items():
        if value is None:
            delattr(data_set, name)
        else:
            setattr(data_set, name, value)
    file = DicomBytesIO()
    file.is_implicit_VR = syntax == uids.IMPLICIT_VR_LITTLE_ENDIAN
    file.is_little_endian = syntax != uids.EXPLICIT_VR_BIG_ENDIAN
    write_dataset(file, data_set)
    data = file.getvalue()
    if syntax == uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflate.compress(data) + deflate.flush()
    return data


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_announced_instance_matches(syntax):
    assert identify(encode(syntax), syntax, CT, UID, complete=True) is Identity.Matches


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    "elements",
    [{"SOPInstanceUID": UID + ".1"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, {"SOPInstanceUID": None}],
)
def test_another_one_differs(syntax, elements):
    assert identify(encode(syntax, **elements), syntax, CT, UID, complete=True) is Identity.Differs


def with_sequence(data, syntax, *, unknown=False):
    """(0008,0006) with undefined lengths in front of a data set: an item of each kind, and a sequence within."""
    order = ">" if syntax == uids.EXPLICIT_VR_BIG_ENDIAN else "<"
    explicit = syntax != uids.IMPLICIT_VR_LITTLE_ENDIAN
    inner = "<" if unknown else order

    def mark(element, length, order=inner):
        return struct.pack(order + "HHI", 0xFFFE, element, length)

    def head(tag, vr, length, *, vrs, order=order):
        group = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if not vrs:
            return group + struct.pack(order + "I", length)
        long = vr in (b"SQ", b"UN")
        return group + vr + struct.pack(order + ("HI" if long else "H"), *((0, length) if long else (length,)))

    vrs = explicit and not unknown
    leaf = head(0x00080100, b"SH", 4, vrs=vrs, order=inner) + b"1.1 "
    deeper = head(0x00080117, b"SQ", 0xFFFFFFFF, vrs=vrs, order=inner)
    item = mark(0xE000, 0xFFFFFFFF) + leaf + deeper + mark(0xE000, len(leaf)) + leaf + mark(0xE0DD, 0)
    item += mark(0xE00D, 0) + mark(0xE000, len(leaf)) + leaf
    start = head(0x00080006, b"UN" if unknown else b"SQ", 0xFFFFFFFF, vrs=explicit)
    return start + item + mark(0xE0DD, 0) + data


PLAIN = tuple(syntax for syntax in SYNTAXES if syntax != uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("syntax", PLAIN)
def test_a_sequence_of_undefined_length_before_the_uids_hides_nothing(syntax, unknown):
    """authorizedSOPClasses judges by what was announced: a data set of another class must not get so far."""
    right, wrong = (
        encode(syntax, SpecificCharacterSet=None),
        encode(syntax, SpecificCharacterSet=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"),
    )
    right, wrong = (with_sequence(data, syntax, unknown=unknown) for data in (right, wrong))
    assert identify(wrong, syntax, CT, UID, complete=True) is Identity.Differs
    assert identify(right, syntax, CT, UID, complete=True) is Identity.Matches
    beginnings = [identify(right[:size], syntax, CT, UID, complete=False) for size in range(len(right))]
    assert set(beginnings) == {Identity.Incomplete, Identity.Matches}


@pytest.mark.parametrize(
    "inside",
    [
        b"",  # it never ends
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 9000,  # nor do its items
        b"\x08\x00\x16\x00UI\x04\x001.2\x00",  # an element where an item belongs
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\xdd\xe0\x00\x00\x00\x00",  # an item that is not closed
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\x00\x16\x00\x00\x00\x04\x00",  # no VR
        b"\xfe\xff\x00\xe0\x00\x00\xff\x00",  # longer than any head
    ],
)
def test_what_is_no_sequence_is_unreadable(inside):
    data = b"\x08\x00\x06\x00SQ\x00\x00\xff\xff\xff\xff" + inside
    assert identify(data, uids.EXPLICIT_VR_LITTLE_ENDIAN, CT, UID, complete=True) is Identity.Unreadable


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_beginning_is_incomplete_until_it_matches(syntax):
    data = encode(syntax)
    verdicts = [identify(data[:size], syntax, CT, UID, complete=False) for size in range(len(data) + 1)]
    assert set(verdicts) == {Identity.Incomplete, Identity.Matches}
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict is Identity.Matches)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08\x00",
        bytes(128) + b"DICM" + bytes(64),  # a whole file
        b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\x00",  # file meta information
        encode(uids.IMPLICIT_VR_LITTLE_ENDIAN),  # mislabelled
        encode(uids.EXPLICIT_VR_LITTLE_ENDIAN)[:20],
        b"\x08\x00\x05\x00UT\x00\x00\xfe\xff\xff\xff" + bytes(40),  # four gigabytes of character set
        b"\x08\x00\x18\x00UI\xff\xff" + b"1" * 70000,
        b"\x08\x00\x08\x00CS\x00\x00\x08\x00\x05\x00CS\x00\x00" + bytes(20),  # not ascending
        b"\xff" * 100,
    ],
)
def test_what_is_no_data_set_is_unreadable(data):
    assert identify(data, uids.EXPLICIT_VR_LITTLE_ENDIAN, CT, UID, complete=True) is Identity.Unreadable


def test_garbage_in_a_deflated_syntax_is_unreadable() -> None:
    syntax = uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    assert identify(b"\xff" * 50, syntax, CT, UID, complete=True) is Identity.Unreadable


def test_a_deflate_bomb_is_inflated_no_further_than_the_head() -> None:
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = deflate.compress(b"\x08\x00\x05\x00UT\x00\x00\x00\xff\xff\x00" + bytes(50_000_000)) + deflate.flush()
    syntax = uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    assert identify(bomb[:65536], syntax, CT, UID, complete=True) is Identity.Unreadable


def test_of_a_private_syntax_nothing_is_said_that_cannot_be_known() -> None:
    assert identify(b"\xff" * 100, PRIVATE, CT, UID, complete=True) is Identity.Unknown


@given(st.binary(max_size=100), st.sampled_from(SYNTAXES), st.booleans())
def test_no_bytes_make_it_fail(data, syntax, complete):
    assert isinstance(identify(data, syntax, CT, UID, complete=complete), Identity)
