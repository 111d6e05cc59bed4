# SPDX-License-Identifier: Apache-2.0
"""File meta information, with pydicom as the independent reading."""

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset

from dromos_gateway.dimse.part10 import FileHead, NotPart10, file_head, parse_head, read_head

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
DATA_SET = b"\x08\x00\x18\x00UI\x06\x001.2.34"


def head(**changes):
    values = {"sop_class_uid": CT, "sop_instance_uid": "1.2.34", "transfer_syntax_uid": EXPLICIT}
    return file_head(**(values | changes))


@pytest.mark.parametrize("title", ["", "CT1", "SIXTEEN_LETTERS_"])
def test_pydicom_reads_what_we_write(title):
    file = dcmread(BytesIO(head(source_ae_title=title) + DATA_SET))
    assert file.SOPInstanceUID == "1.2.34"
    meta = file.file_meta
    assert (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) == (CT, "1.2.34")
    assert meta.TransferSyntaxUID == EXPLICIT
    assert meta.get("SourceApplicationEntityTitle", "") == title
    assert meta.FileMetaInformationVersion == b"\x00\x01"


def test_the_same_instance_has_the_same_bytes() -> None:
    assert head() == head()


@given(st.integers(0, 70))
def test_we_read_what_we_write(size):
    data = head() + bytes(size)
    assert parse_head(data) == FileHead(CT, "1.2.34", EXPLICIT, len(head()))


def test_we_read_what_pydicom_writes_however_long_its_meta_information_is(tmp_path):
    for private in (0, 10_000):
        data_set = Dataset()
        data_set.SOPClassUID, data_set.SOPInstanceUID = CT, "1.2.34"
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = EXPLICIT
        if private:
            data_set.file_meta.PrivateInformationCreatorUID = "1.2.3"
            data_set.file_meta.PrivateInformation = bytes(private)
        path = tmp_path / f"{private}.dcm"
        data_set.save_as(path, enforce_file_format=True)
        found = read_head(path)
        assert (found.sop_class_uid, found.sop_instance_uid, found.transfer_syntax_uid) == (CT, "1.2.34", EXPLICIT)
        assert path.read_bytes()[found.data_set_offset :].startswith(b"\x08\x00\x16\x00UI")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no DICM prefix"),
        (b"hello" * 100, "no DICM prefix"),
        (bytes(128) + b"DICM", "no Media Storage SOP Class UID"),
        (head()[:-30], "ends in its meta information"),
        (bytes(128) + b"DICM" + b"\x02\x00\x01\x00OB\x00\x00\xff\xff\xff\xff", "ends in its meta information"),
        (head(sop_instance_uid=""), "SOP Instance UID"),
    ],
)
def test_what_is_no_part_10_file_is_refused_saying_why(tmp_path, data, complaint):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(NotPart10, match=complaint):
        read_head(path)


@given(st.binary(max_size=100))
def test_no_bytes_make_it_fail_otherwise(data):
    with contextlib.suppress(NotPart10):
        parse_head(bytes(128) + b"DICM" + data)
