# SPDX-License-Identifier: Apache-2.0
"""Instances to de-identify, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from dromos_gateway.deid.asking import ReplaceAPI
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Excluded, Held
from dromos_gateway.deid.plan import Plan, Recipe, compile_plan
from dromos_gateway.dimse.part10 import read_head

KEY = bytes.fromhex("79f9680b7ed9808272a228bd3dd33bcb")
BASIC: dict[str, Any] = {"codename": "basic.dicom.profile"}
SHIFT: dict[str, Any] = {
    "codename": "action.on.dates",
    "option": "shift",
    "arguments": {"days": 1, "seconds": 0},
}


def ct(**attributes: Any) -> Dataset:
    """A CT slice with a patient."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    data.StudyDate, data.StudyTime, data.Modality = "20240102", "101500", "CT"
    data.PatientName, data.PatientID, data.PatientBirthDate = "Doe^Jane", "P1", "19700203"
    data.AccessionNumber, data.InstitutionName = "A-4711", "General Hospital"
    data.Rows = data.Columns = 2
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def keep(*tags: str) -> dict[str, Any]:
    """A rule."""
    return {"codename": "action.on.specific.tags", "action": "K", "tags": list(tags)}


def codes(data: Dataset) -> list[str]:
    """What (0012,0064) says."""
    return [item.CodeValue for item in data.DeidentificationMethodCodeSequence]


def plan(*elements: dict[str, Any], masks: list[dict[str, Any]] | None = None, **recipe: Any) -> Plan:
    """A plan of rules; the basic profile where there are none."""
    profile = {"name": "profile", "profileElements": list(elements) or [BASIC], "masks": masks or []}
    return compile_plan(Recipe(json.dumps(profile), "study-a", KEY, **recipe))


def save(data: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian, *, pixels: bool = True) -> Instance:
    """Write an instance."""
    if pixels and "PixelData" not in data:
        data.add_new(0x7FE00010, "OW", bytes(range(8)))
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path, enforce_file_format=True)
    return Instance(path, read_head(path).data_set_offset, syntax)


def change(
    data: Dataset | Instance,
    chosen: Plan,
    folder: Path,
    pseudonym: str | None = "PSEUDO-1",
    *,
    syntax: UID = ExplicitVRLittleEndian,
    api: ReplaceAPI | None = None,
    trail: bool = False,
) -> tuple[Changed | Excluded | Held, Dataset]:
    """The outcome, and the file that came out (an empty data set where there is none)."""
    instance = data if isinstance(data, Instance) else save(data, folder / "in.dcm", syntax)
    target = folder / "out.dcm"
    target.unlink(missing_ok=True)
    outcome = deidentify(instance, target, chosen, pseudonym, api=api, trail=trail)
    assert target.exists() is isinstance(outcome, Changed)
    return outcome, dcmread(target) if target.exists() else Dataset()
