# SPDX-License-Identifier: Apache-2.0
"""Command sets, with pydicom as the independent reading."""

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from dromos_gateway.dimse import command

CT = "1.2.840.10008.5.1.4.1.1.2"


def read(data: bytes) -> Dataset:
    return read_dataset(BytesIO(data), is_implicit_VR=True, is_little_endian=True)


def test_pydicom_reads_a_store_request() -> None:
    data = command.store_request(7, CT, "1.2.3")
    found = read(data)
    assert found.CommandGroupLength == len(data) - 12
    assert (found.CommandField, found.MessageID, found.Priority, found.CommandDataSetType) == (1, 7, 0, 1)
    assert (found.AffectedSOPClassUID, found.AffectedSOPInstanceUID) == (CT, "1.2.3")


def test_pydicom_reads_a_store_response_with_a_comment_of_64_characters_at_most() -> None:
    request = command.decode(command.store_request(65535, CT, "1.2.34"))
    found = read(command.store_response(request, 0xA700, "no room " * 20))
    assert (found.CommandField, found.MessageIDBeingRespondedTo, found.Status) == (0x8001, 65535, 0xA700)
    assert found.CommandDataSetType == 0x0101
    assert found.ErrorComment == ("no room " * 8).strip()
    assert found.AffectedSOPInstanceUID == "1.2.34"


def test_pydicom_reads_echo() -> None:
    request = read(command.echo_request(3, "1.2.840.10008.1.1"))
    assert (request.CommandField, request.MessageID, request.CommandDataSetType) == (0x30, 3, 0x0101)
    response = read(command.echo_response(command.decode(command.echo_request(3, "1.2.840.10008.1.1")), 0))
    assert (response.CommandField, response.MessageIDBeingRespondedTo, response.Status) == (0x8030, 3, 0)


@given(st.integers(0, 65535), st.integers(0, 65535), st.text("abc -", max_size=64))
def test_a_response_is_read_as_it_was_written(message_id, status, comment):
    request = command.decode(command.store_request(message_id, CT, "1.2.3"))
    response = command.decode(command.store_response(request, status, comment))
    assert (response.field, response.message_id, response.status) == (command.C_STORE_RSP, message_id, status)
    assert response.error_comment == comment.strip(" ")
    assert not response.has_data_set


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "0100.* missing"),
        (b"\x00\x00\x00\x01\x02", "element header"),
        (b"\x08\x00\x18\x00\x00\x00\x00\x00", "group 0008"),
        (b"\x00\x00\x00\x01\xff\xff\xff\xff\x01\x00", "past the end"),
        (b"\x00\x00\x00\x01\x04\x00\x00\x00\x01\x00\x00\x00", "not two bytes"),
        (command.store_request(1, CT, "1.2")[: -(8 + 4) - 10], "missing"),  # without (0000,0800) and (0000,1000)
    ],
)
def test_a_malformed_command_is_refused_saying_why(data, complaint):
    with pytest.raises(command.Malformed, match=complaint):
        command.decode(data)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_fail_otherwise(data):
    with contextlib.suppress(command.Malformed):
        command.decode(data)
