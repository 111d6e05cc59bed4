# SPDX-License-Identifier: Apache-2.0
"""pydicom's own test files, odd as they are: right or held, never a crash, never unchanged."""

from __future__ import annotations

from pathlib import Path

import pydicom.data
import pytest
from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Held
from dromos_gateway.deid.plan import Plan
from dromos_gateway.dimse.part10 import NotPart10, read_head
from tests.unit.deid.instances import plan

ROOT = Path(pydicom.data.__file__).parent
FILES = sorted(
    path
    for folder in ("test_files", "charset_files")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.suffix not in (".json", ".txt", ".md", ".py", ".gz", ".zip")
)
# bare data sets are read as this
_GUESSED = "1.2.840.10008.1.2"


def _instance(path: Path) -> Instance:
    try:
        head = read_head(path)
    except NotPart10:
        return Instance(path, 0, _GUESSED)
    return Instance(path, head.data_set_offset, head.transfer_syntax_uid)


def test_there_are_many() -> None:
    assert len(FILES) > 150


@pytest.mark.parametrize(
    "chosen",
    [plan(uncleanable="Allow"), plan(), plan(compatibility="Karnak", uncleanable="Allow")],
    ids=["allow", "strict", "karnak"],
)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_right_or_held(tmp_path: Path, path: Path, chosen: Plan) -> None:
    target = tmp_path / "out"
    outcome = deidentify(_instance(path), target, chosen, "PSEUDO-1")
    if isinstance(outcome, Held):
        assert not target.exists()
        assert outcome.reason.isidentifier()
        return
    assert isinstance(outcome, Changed)
    out = dcmread(target)
    try:
        before = dcmread(path)
    except (InvalidDicomError, NotImplementedError):
        before = dcmread(path, force=True)
    assert (out.PatientName, out.PatientIdentityRemoved) == ("PSEUDO-1", "YES")
    assert out.PatientID != before.PatientID
    assert (
        out.file_meta.MediaStorageSOPInstanceUID
        == out.SOPInstanceUID
        == outcome.sop_instance_uid
        != before.SOPInstanceUID
    )
    if chosen.strict:
        assert not any(element.tag.is_private for element in out.iterall())
    if "PixelData" in before:
        assert out.PixelData == before.PixelData
    name = str(before.get("PatientName", "")).split("^")[0]
    if len(name) >= 6:
        assert name.encode() not in target.read_bytes()
