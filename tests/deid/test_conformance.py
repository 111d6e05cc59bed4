# SPDX-License-Identifier: Apache-2.0
"""dciodvfy (dicom3tools) reports no error in what comes out that it didn't report in what went in."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from bench import headers
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Held
from dromos_gateway.dimse.part10 import NotPart10, read_head
from tests.deid.corpus import SOP_CLASSES
from tests.deid.objects import complete
from tests.unit.deid.instances import BASIC, plan, save

_VALUE = re.compile(r" = <.*>|Value = .*")
_FILES = Path(pydicom.data.__file__).parent / "test_files"
OPTIONS = (
    "retainUIDs",
    "retainDevice",
    "retainInstitution",
    "retainPatientCharacteristics",
    "retainModifiedDates",
    "cleanDescriptors",
)


def errors(path: Path) -> Counter[str]:
    """dciodvfy's errors, without the values in them."""
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, check=False, timeout=60)
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return Counter(_VALUE.sub("", line).strip() for line in lines if line.startswith("Error"))


def check(instance: Instance, target: Path, *elements: dict, may_be_held: bool = False) -> None:
    outcome = deidentify(instance, target, plan(*(elements or (BASIC,)), uncleanable="Allow"), "PSEUDO-1")
    if may_be_held and isinstance(outcome, Held):
        return
    assert isinstance(outcome, Changed), outcome
    new = set(errors(target)) - set(errors(instance.path))
    assert sorted(new) == []


@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("sop_class", SOP_CLASSES)
def test_objects_as_their_iod_wants_them(tmp_path: Path, sop_class: str, optional: bool) -> None:
    instance = save(complete(sop_class, optional=optional), tmp_path / "in.dcm", ExplicitVRLittleEndian, pixels=False)
    check(instance, tmp_path / "out.dcm")


@pytest.mark.parametrize(
    "options", [OPTIONS, ("retainFullDates", "cleanGraphics", "cleanStructuredContent", "retainSafePrivate")]
)
def test_options(tmp_path: Path, options: tuple[str, ...]) -> None:
    for sop_class in SOP_CLASSES[:8]:
        instance = save(complete(sop_class, optional=True), tmp_path / "in.dcm", ExplicitVRLittleEndian, pixels=False)
        check(instance, tmp_path / "out.dcm", BASIC | {"arguments": dict.fromkeys(options, True)})


def test_a_scanners_header(tmp_path: Path) -> None:
    (path,) = headers.write(tmp_path, 1)
    check(Instance(path, read_head(path).data_set_offset, ExplicitVRLittleEndian), tmp_path / "out.dcm")


@pytest.mark.parametrize("path", sorted(_FILES.glob("*.dcm")), ids=lambda path: path.name)
def test_files_of_pydicom(tmp_path: Path, path: Path) -> None:
    try:
        head = read_head(path)
    except NotPart10:
        return
    check(Instance(path, head.data_set_offset, head.transfer_syntax_uid), tmp_path / "out.dcm", may_be_held=True)


def test_the_validator_finds_what_is_missing(tmp_path: Path) -> None:
    good, bad = complete(SOP_CLASSES[7], optional=False), complete(SOP_CLASSES[7], optional=False)
    del bad["StudyInstanceUID"]
    one, two = save(good, tmp_path / "1.dcm", pixels=False), save(bad, tmp_path / "2.dcm", pixels=False)
    assert isinstance(good, Dataset)
    assert set(errors(two.path)) - set(errors(one.path))
