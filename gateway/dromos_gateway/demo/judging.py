# SPDX-License-Identifier: Apache-2.0
"""What arrived, compared with what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread

from dromos_gateway.dimse.part10 import read_head

# what the phantom has that says who it is; every UID but those of the standard does as well
_NAMING = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyDescription", "StudyDate")
_STANDARD = "1.2.840.10008."


@dataclass(frozen=True, slots=True)
class Finding:
    """What is said of one receiver."""

    sentence: str
    good: bool


def unchanged(sent: Path, got: Path) -> Finding:
    """Whether a receiver has every data set as it was sent, and no other."""
    before = [data_set(path) for path in sent.glob("*.dcm")]
    after = [data_set(path) for path in got.glob("*.dcm")]
    same = len(set(before) & set(after))
    more = len(after) - same
    sentence = f"{same} of {len(before)} data sets byte-identical, {more} that nobody sent"
    return Finding(sentence, same == len(before) and not more)


def deidentified(sent: Path, got: Path) -> Finding:
    """Whether a receiver has every image once, and nothing that says whose it is."""
    before = [dcmread(path) for path in sent.glob("*.dcm")]
    after = [dcmread(path) for path in got.glob("*.dcm")]
    telling = {value for data in before for value in _telling(data)}
    images = {int(data.InstanceNumber): pixels(data) for data in before}
    same = {int(data.InstanceNumber) for data in after if images.get(int(data.InstanceNumber)) == pixels(data)}
    leaks = sum(not telling.isdisjoint(_values(data)) for data in after)
    more = len(after) - len(same)
    sentence = f"{len(same)} of {len(before)} images, pixels untouched, {more} others; {leaks} name the patient"
    return Finding(sentence, len(same) == len(before) and not more and not leaks)


def data_set(path: Path) -> str:
    """SHA-256 of the encoded data set."""
    return hashlib.sha256(path.read_bytes()[read_head(path).data_set_offset :]).hexdigest()


def pixels(data: Dataset) -> str:
    """SHA-256 of the pixels."""
    return hashlib.sha256(data.PixelData).hexdigest()


def find(folder: Path, number: int) -> Path | None:
    """The file with the image of that number."""
    files = folder.glob("*.dcm")
    return next((path for path in files if dcmread(path, stop_before_pixels=True).InstanceNumber == number), None)


def _telling(data: Dataset) -> Iterator[str]:
    yield from (str(data[keyword].value) for keyword in _NAMING)
    yield from (str(element.value) for element in data if element.VR == "UI" and not _is_standard(element.value))


def _is_standard(uid: str) -> bool:
    return str(uid).startswith(_STANDARD)


def _values(data: Dataset) -> Iterator[str]:
    for part in (data.file_meta, data):
        yield from (str(element.value) for element in part.iterall() if element.keyword != "PixelData")
