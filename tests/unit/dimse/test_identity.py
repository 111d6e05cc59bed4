# SPDX-License-Identifier: Apache-2.0
"""Is a data set the announced instance? Encoded by pydicom, in every kind of transfer syntax."""

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
