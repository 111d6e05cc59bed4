# SPDX-License-Identifier: Apache-2.0
"""Whole instances through plans in every encoding; what is held; files that are large, cut or gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.hashing import hashed_uid, patient_id
from dromos_gateway.deid.outcomes import Changed, Excluded, Held
from dromos_gateway.deid.plan import Recipe, Unusable, compile_plan
from tests.unit.deid.instances import BASIC, KEY, change, codes, ct, keep, plan, save

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_basic_profile_in_every_encoding(tmp_path: Path, syntax: Any) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.9"
    data = ct(ReferencedInstanceSequence=Sequence([item]), PatientComments="secret")
    data.add_new(0x00091010, "LO", "private")
    outcome, out = change(data, plan(), tmp_path, syntax=syntax)
    assert isinstance(outcome, Changed)
    assert out.file_meta.TransferSyntaxUID == syntax == outcome.transfer_syntax_uid
    assert (out.PatientName, out.PatientID) == ("PSEUDO-1", patient_id(KEY, "PSEUDO-1"))
    assert out.SOPInstanceUID == out.file_meta.MediaStorageSOPInstanceUID == outcome.sop_instance_uid
    assert outcome.sop_instance_uid == hashed_uid(KEY, "1.2.3.4")
    assert outcome.study_instance_uid == hashed_uid(KEY, "1.2.3") == out.StudyInstanceUID
    assert (out.PatientIdentityRemoved, codes(out)) == ("YES", ["113100"])
    assert (out.DeidentificationMethod, out.LongitudinalTemporalInformationModified) == (BASIC["codename"], "REMOVED")
    assert (out.ClinicalTrialSponsorName, out.ClinicalTrialProtocolID) == ("study-a", "profile")
    assert "PatientComments" not in out
    assert (0x0009, 0x1010) not in out
    assert out.AccessionNumber == ""
    reference = out.ReferencedInstanceSequence[0]
    assert (reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID) == (
        CTImageStorage,
        hashed_uid(KEY, "1.2.9"),
    )
    assert out.PixelData == bytes(range(8))
    assert out.Rows == 2


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_lengths_fit_whatever_changes_inside(tmp_path: Path, syntax: Any, undefined: bool) -> None:
    inner = Dataset()
    inner.RequestedProcedureID, inner.RequestedProcedureDescription = "4711", "words"
    inner.ReferencedStudySequence = Sequence([Dataset()])
    data = ct(RequestAttributesSequence=Sequence([inner, Dataset(), inner]))
    data["RequestAttributesSequence"].is_undefined_length = undefined
    outcome, out = change(data, plan(keep("00400275"), BASIC), tmp_path, syntax=syntax)
    assert isinstance(outcome, Changed)
    assert len(out.RequestAttributesSequence) == 3
    assert "RequestedProcedureDescription" not in out.RequestAttributesSequence[2]
    assert out.PixelData == bytes(range(8))


def test_nothing_of_the_preamble_and_group_two_stays(tmp_path: Path) -> None:
    instance = save(ct(), tmp_path / "in.dcm")
    raw = bytearray(instance.path.read_bytes())
    raw[:8] = b"PREAMBLE"
    instance.path.write_bytes(raw)
    outcome, out = change(instance, plan(), tmp_path)
    assert isinstance(outcome, Changed)
    assert (tmp_path / "out.dcm").read_bytes()[:128] == bytes(128)
    assert out.file_meta.ImplementationVersionName == "DROMOS"


@pytest.mark.parametrize(
    ("attributes", "pseudonym", "reason"),
    [
        ({"PatientID": ""}, "A", "PatientIDMissing"),
        ({}, None, "PseudonymMissing"),
        ({}, "a\\b", "PseudonymInvalid"),
        ({}, "a=b=c=d", "PseudonymInvalid"),
        ({}, "x" * 65, "PseudonymInvalid"),
        ({}, "Ünal", "CharacterSet"),
        ({"SOPClassUID": "1.2.3.4.5"}, "A", "UnknownSOPClass"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11"}, "A", "Uncleanable"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "A", "Uncleanable"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.1.1"}, "A", "Uncleanable"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "A", "Uncleanable"),
        ({"BurnedInAnnotation": "YES"}, "A", "Uncleanable"),
    ],
)
def test_held(tmp_path: Path, attributes: dict[str, Any], pseudonym: str | None, reason: str) -> None:
    if attributes.get("SOPClassUID") == "1.2.3.4.5":
        attributes = attributes | {"ContentDate": "20240101"}
    outcome, _ = change(ct(**attributes), plan(), tmp_path, pseudonym)
    assert isinstance(outcome, Held)
    assert outcome.reason == reason
    assert "P1" not in outcome.message


def test_uncleanable_as_the_project_says(tmp_path: Path) -> None:
    report = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    assert isinstance(change(report, plan(uncleanable="Exclude"), tmp_path)[0], Excluded)
    assert isinstance(change(report, plan(uncleanable="Allow"), tmp_path)[0], Changed)
    cleans = BASIC | {"arguments": {"cleanStructuredContent": True}}
    assert isinstance(change(report, plan(cleans), tmp_path)[0], Changed)


def test_a_pseudonym_in_the_instances_character_set(tmp_path: Path) -> None:
    _, out = change(ct(SpecificCharacterSet="ISO_IR 100"), plan(), tmp_path, "Ünal")
    assert (out.PatientName, out.ClinicalTrialSubjectID) == ("Ünal", "Ünal")


def test_large_headers_are_written_as_they_come(tmp_path: Path) -> None:
    items = []
    for number in range(200):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, f"1.2.{number}"
        item.add_new(0x00189074, "DT", "20240101000000")
        item.add_new(0x0040A160, "UT", "x" * 60_000)
        items.append(item)
    data = ct(ReferencedImageSequence=Sequence(items))
    kept = keep("0040A160", "00081140")
    outcome, out = change(data, plan(kept, BASIC), tmp_path)
    assert isinstance(outcome, Changed)
    assert (tmp_path / "out.dcm").stat().st_size > 10_000_000
    assert [item.ReferencedSOPInstanceUID for item in out.ReferencedImageSequence] == [
        hashed_uid(KEY, f"1.2.{number}") for number in range(200)
    ]
    assert out.PixelData == bytes(range(8))


def test_what_stands_behind_the_pixels_is_treated_too(tmp_path: Path) -> None:
    instance = save(ct(), tmp_path / "in.dcm")
    with instance.path.open("ab") as file:
        file.write(b"\xe1\x7f\x10\x00LO\x08\x00PRIVATE \xfc\xff\xfc\xffOB\x00\x00\x04\x00\x00\x00Doe^")
    outcome, out = change(instance, plan(), tmp_path)
    assert isinstance(outcome, Changed)
    assert (tmp_path / "out.dcm").read_bytes().endswith(bytes(range(8)))
    assert out.PixelData == bytes(range(8))


@pytest.mark.parametrize("cut", [1, 5, 9, 41, 101])
def test_cut_files_are_held(tmp_path: Path, cut: int) -> None:
    instance = save(ct(), tmp_path / "in.dcm")
    instance.path.write_bytes(instance.path.read_bytes()[:-cut])
    outcome, _ = change(instance, plan(), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "MalformedDataSet"


def test_a_plan_needs_a_key_and_a_profile_that_checks() -> None:
    with pytest.raises(Unusable, match="16 bytes"):
        compile_plan(Recipe('{"profileElements": [{"codename": "basic.dicom.profile"}]}', "p", b"short"))
    with pytest.raises(Unusable, match=r"profileElements\[0\].codename"):
        compile_plan(Recipe('{"profileElements": [{"codename": "nothing"}]}', "p", KEY))
    assert "79f9" not in repr(Recipe("{}", "p", KEY))


def test_a_missing_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        deidentify(Instance(tmp_path / "gone", 0, ExplicitVRLittleEndian), tmp_path / "out", plan(), "A")


def test_what_cannot_be_sent_is_held(tmp_path: Path) -> None:
    rule = {"codename": "action.on.specific.tags", "action": "X", "tags": ["00080018"]}
    outcome, _ = change(ct(), plan(rule, compatibility="Karnak", morphing=True), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NotSendable"


def test_morphing_writes_nothing_of_its_own(tmp_path: Path) -> None:
    rule = {"codename": "action.on.specific.tags", "action": "X", "tags": ["00080080"]}
    instance = save(ct(BurnedInAnnotation="YES"), tmp_path / "in.dcm")
    outcome, out = change(instance, plan(rule, morphing=True), tmp_path, None)
    assert isinstance(outcome, Changed)
    before = dcmread(instance.path)
    del before["InstitutionName"]
    assert out == before
