# SPDX-License-Identifier: Apache-2.0
"""Generated studies, and what makes two of their files the same: the bytes of the data set."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Iterable, Mapping

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT_UID = "1.2.826.0.1.3680043.10.1561"  # under pydicom's own root, for tests
META_START = 128 + len(b"DICM")
META_GROUP_LENGTH = struct.Struct("<HH2sHI")


def study(number: int, instances: int, *, pixels: int = 64) -> dict[str, bytes]:
    """CT instances of one study as Part 10 files, by SOP Instance UID. The same number gives the same bytes."""
    return dict(_instance(number, index, pixels) for index in range(1, instances + 1))


def _instance(number: int, index: int, pixels: int) -> tuple[str, bytes]:
    uid = f"{ROOT_UID}.{number}.1.{index}"
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID = f"{ROOT_UID}.{number}"
    dataset.SeriesInstanceUID = f"{ROOT_UID}.{number}.1"
    dataset.PatientID = f"E2E-{number}"
    dataset.PatientName = "Test^Cluster"
    dataset.StudyDate = "20260101"
    dataset.Modality = "CT"
    dataset.StudyDescription = "End to end"
    dataset.InstanceNumber = index
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = pixels
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    # every instance has pixels of its own: one that arrives under another's name is seen
    seed = hashlib.sha256(uid.encode()).digest()
    size = pixels * pixels * 2
    dataset.PixelData = (seed * (size // len(seed) + 1))[:size]
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return uid, buffer.getvalue()


def data_set(file: bytes) -> bytes:
    """What follows the file meta information (PS3.10 §7.1), whose group length says where it ends."""
    return file[_meta_end(file) :]


def has_meta(file: bytes) -> bool:
    """Whether it is a Part 10 file whose meta information is all there."""
    return (
        file[128:META_START] == b"DICM"
        and len(file) > META_START + META_GROUP_LENGTH.size
        and len(file) > _meta_end(file)
    )


def _meta_end(file: bytes) -> int:
    assert file[128:META_START] == b"DICM", "not a Part 10 file"
    group, element, vr, _, length = META_GROUP_LENGTH.unpack_from(file, META_START)
    assert (group, element, vr) == (0x0002, 0x0000, b"UL"), "no group length in the file meta information"
    return META_START + META_GROUP_LENGTH.size + int(length)


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The data set's SHA-256 by SOP Instance UID."""
    return {uid: hashlib.sha256(data_set(file)).hexdigest() for uid, file in files.items()}


def packed(files: Mapping[str, bytes], folder: str) -> bytes:
    """The files as a tar archive with one folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for uid, file in files.items():
            member = tarfile.TarInfo(f"{folder}/{uid}.dcm")
            member.size = len(file)
            archive.addfile(member, io.BytesIO(file))
    return buffer.getvalue()


def unpacked(archive: bytes) -> Iterable[bytes]:
    """The files in a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            file = members.extractfile(member)
            if file is not None:
                yield file.read()
