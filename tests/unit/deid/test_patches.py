# SPDX-License-Identifier: Apache-2.0
"""Where little of an instance is new, patches for the original say what the file would be, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.dimse.patchwork import length_of, write_patches
from tests.unit.deid.instances import BASIC, SHIFT, ct, plan, save

MOST = 256 * 1024
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


def _with(data: Dataset, size: int, *, behind: bool = False) -> Dataset:
    data.add_new(0x7FE00010, "OW", bytes(size))
    if behind:
        data.add_new(0xFFFCFFFC, "OB", bytes(200_000))  # padding, which goes
    return data


def _nested(count: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPInstanceUID, item.PatientName = "1.2.3.9", "Doe^Jane"
    return ct(ReferencedImageSequence=Sequence([item] * count))


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda uid: uid.name)
@pytest.mark.parametrize(
    "data",
    [
        _with(ct(), 8),
        _with(ct(), 400_000),
        _with(ct(), 400_000, behind=True),
        _with(_nested(20), 100_000),
        _with(ct(PatientComments="words " * 20_000), 100_000),
    ],
    ids=["small", "usual", "padding behind", "sequences", "a long text that goes"],
)
def test_patches_are_the_file(tmp_path: Path, data: Dataset, syntax: UID) -> None:
    outcome = _both(save(data, tmp_path / "in.dcm", syntax), tmp_path)
    assert isinstance(outcome.patches[0], bytes)
    assert len(outcome.patches) <= 2


def test_encapsulated_pixels_stay_where_they_are(tmp_path: Path) -> None:
    data = ct()
    data.add_new(0x7FE00010, "OB", encapsulate([bytes(300_000), bytes(100_000)]))
    data["PixelData"].is_undefined_length = True
    outcome = _both(save(data, tmp_path / "in.dcm", JPEG2000Lossless), tmp_path)
    assert len(outcome.patches) == 2
    assert length_of(outcome.patches[1]) > 400_000


def test_in_a_slot_zeros_behind_the_object_are_not_sent(tmp_path: Path) -> None:
    instance = save(_with(ct(), 100_000), tmp_path / "in.dcm")
    size = instance.path.stat().st_size
    instance.path.write_bytes(instance.path.read_bytes() + bytes(5000))
    outcome = _both(replace(instance, end=size), tmp_path)
    assert outcome.patches[-1][1] == size


@pytest.mark.parametrize(
    ("data", "syntax", "most"),
    [
        (_with(ct(), 100_000), DeflatedExplicitVRLittleEndian, MOST),
        (_with(ct(), 100_000), ExplicitVRLittleEndian, 500),
        (_with(ct(), 100_000), ExplicitVRLittleEndian, 0),
        (_with(_nested(9000), 100_000), ExplicitVRLittleEndian, MOST),
    ],
    ids=["deflated", "more than may be", "none may be", "sequences as long as that"],
)
def test_what_takes_a_file_gets_one(tmp_path: Path, data: Dataset, syntax: UID, most: int) -> None:
    instance, target = save(data, tmp_path / "in.dcm", syntax), tmp_path / "out.dcm"
    outcome = deidentify(instance, target, plan(SHIFT, BASIC), "A", most=most)
    assert isinstance(outcome, Changed)
    assert outcome.patches == ()
    again = tmp_path / "again.dcm"
    assert deidentify(instance, again, plan(SHIFT, BASIC), "A") == outcome
    assert again.read_bytes() == target.read_bytes()


def _both(instance: Instance, tmp_path: Path) -> Changed:
    """The outcome with patches, which are compared with the file."""
    target, patched = tmp_path / "target.dcm", tmp_path / "patched.dcm"
    written = deidentify(instance, target, plan(SHIFT, BASIC), "A")
    outcome = deidentify(instance, patched, plan(SHIFT, BASIC), "A", most=MOST)
    assert isinstance(written, Changed)
    assert isinstance(outcome, Changed)
    assert outcome.patches
    assert not patched.exists()
    assert outcome.digest == written.digest
    write_patches(instance.path, outcome.patches, patched)
    assert patched.read_bytes() == target.read_bytes()
    assert "Doe" not in repr(outcome)
    return outcome
