# SPDX-License-Identifier: Apache-2.0
"""Whole instances through plans, in Strict unless a test says otherwise."""

from __future__ import annotations

import pickle
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
from dromos_gateway.deid.outcomes import Changed, Excluded, Held, Hold
from dromos_gateway.deid.plan import Recipe, Unusable, compile_plan
from tests.unit.deid.instances import BASIC, KEY, change, ct, plan, save

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
SHIFT = {"codename": "action.on.dates", "option": "shift", "arguments": {"days": 1, "seconds": 0}}


def keep(*tags: str) -> dict[str, Any]:
    return {"codename": "action.on.specific.tags", "action": "K", "tags": list(tags)}


def codes(data: Dataset) -> list[str]:
    return [item.CodeValue for item in data.DeidentificationMethodCodeSequence]


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


def test_the_same_bytes_again_and_in_another_table(tmp_path: Path) -> None:
    instance = save(ct(), tmp_path / "in.dcm")
    first, second = tmp_path / "1", tmp_path / "2"
    one = deidentify(instance, first, plan(SHIFT, BASIC), "A")
    recipe = pickle.loads(pickle.dumps(plan(SHIFT, BASIC).recipe))
    compile_plan.cache_clear()
    two = deidentify(instance, second, compile_plan(recipe), "A")
    assert first.read_bytes() == second.read_bytes()
    assert one == two


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


def test_dates_everywhere_and_each_value(tmp_path: Path) -> None:
    item = Dataset()
    item.ScheduledProcedureStepStartDate = "20240301"
    data = ct(RequestAttributesSequence=Sequence([item]), AcquisitionDateTime="20240102101500.5+0100")
    data.add_new(0x00080022, "DA", ["20240101", "20240102"])
    _, out = change(data, plan(keep("00400275"), SHIFT, BASIC), tmp_path)
    assert out.StudyDate == "20240101"
    assert list(out.AcquisitionDate) == ["20231231", "20240101"]
    assert out.AcquisitionDateTime == "20240101101500.500000+0100"
    assert (codes(out), out.LongitudinalTemporalInformationModified) == (["113107", "113100"], "MODIFIED")


def test_a_date_that_is_none_holds(tmp_path: Path) -> None:
    data = ct()
    data.add_new(0x00080022, "DA", "20241399")
    outcome, _ = change(data, plan(SHIFT, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert (outcome.reason, "20241399" in outcome.message) == ("DateNotShiftable", False)


def test_a_missing_shift_holds(tmp_path: Path) -> None:
    rule = {"codename": "action.on.dates", "option": "shift_by_tag", "arguments": {"days_tag": "(0015,1010)"}}
    outcome, _ = change(ct(), plan(rule, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "DateNotShiftable"


def test_a_kept_sequence_still_follows_the_table(tmp_path: Path) -> None:
    item = Dataset()
    item.PatientName, item.CodeMeaning = "Doe^Jane", "words"
    data = ct(RequestAttributesSequence=Sequence([item]))
    _, out = change(data, plan(keep("00400275"), BASIC), tmp_path)
    assert out.RequestAttributesSequence[0].get("PatientName", "") == ""
    assert out.RequestAttributesSequence[0].CodeMeaning == "words"


def test_well_known_uids_stay_and_each_value_is_hashed(tmp_path: Path) -> None:
    data = ct(FrameOfReferenceUID="1.2.840.10008.1.4.1.1")
    data.add_new(0x00081155, "UI", ["1.2.5", "1.2.6"])
    _, out = change(data, plan(), tmp_path)
    assert out.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert list(out[0x00081155].value) == [hashed_uid(KEY, "1.2.5"), hashed_uid(KEY, "1.2.6")]


def test_a_kept_private_element_keeps_its_creator_only(tmp_path: Path) -> None:
    data = ct()
    for group in (0x0009, 0x7053):
        block = data.private_block(group, f"CREATOR {group:04X}", create=True)
        block.add_new(0x00, "DS", "1.5")
        block.add_new(0x01, "LO", "text")
    rule = {"codename": "action.on.privatetags", "action": "K", "tags": ["(7053,xx00)"]}
    _, out = change(data, plan(rule, BASIC), tmp_path)
    assert [int(element.tag) for element in out if element.tag.is_private] == [0x70530010, 0x70531000]
    assert codes(out) == ["113111", "113100"]


def test_safe_private_elements(tmp_path: Path) -> None:
    data = ct()
    data.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x23, "DS", "1.5")
    data.private_block(0x0019, "GEMS_ACQU_01").add_new(0x33, "LO", "who knows")
    data.private_block(0x0021, "ACME", create=True).add_new(0x23, "DS", "1.5")
    _, out = change(data, plan(BASIC | {"arguments": {"retainSafePrivate": True}}), tmp_path)
    assert [int(element.tag) for element in out if element.tag.is_private] == [0x00190010, 0x00191023]
    assert codes(out) == ["113100", "113111"]


def test_private_sequences_that_nobody_knows_are_looked_into(tmp_path: Path) -> None:
    inner = b"\x10\x00\x10\x00\x08\x00\x00\x00Doe^Jane"
    data = ct()
    data.private_block(0x0009, "ACME", create=True).add_new(0x01, "UN", b"\xfe\xff\x00\xe0\x10\x00\x00\x00" + inner)
    rule = {"codename": "action.on.privatetags", "action": "K"}
    _, out = change(data, plan(rule, BASIC), tmp_path)
    assert b"Doe" not in (tmp_path / "out.dcm").read_bytes()
    assert (0x0009, 0x1001) in out


def test_options_keep_and_clean(tmp_path: Path) -> None:
    data = ct(
        StudyDescription="CT Thorax of Jane Smith 12345678", SeriesDescription="Jane", PatientSex="F",
        ManufacturerModelName="Model", DeviceSerialNumber="S-1", StationAETitle="WARD7", SeriesDate="20240102",
    )  # fmt: skip
    names = ("cleanDescriptors", "retainPatientCharacteristics", "retainDevice", "retainInstitution", "retainUIDs")
    arguments = dict.fromkeys((*names, "retainModifiedDates"), True)
    _, out = change(data, plan(BASIC | {"arguments": arguments}), tmp_path)
    assert out.StudyDescription == "CT Thorax of"
    assert out.SeriesDescription == ""
    assert (out.PatientSex, out.DeviceSerialNumber, out.InstitutionName) == ("F", "S-1", "General Hospital")
    assert out.StudyInstanceUID == "1.2.3"
    assert "WARD7" not in str(out)
    assert out.StudyDate == out.SeriesDate != "20240102"
    assert out.StudyTime == "101500.000000"
    assert codes(out) == ["113100", "113110", "113109", "113112", "113108", "113107", "113105"]
    assert out.LongitudinalTemporalInformationModified == "MODIFIED"


def test_full_dates(tmp_path: Path) -> None:
    _, out = change(ct(), plan(BASIC | {"arguments": {"retainFullDates": True}}), tmp_path)
    assert (out.StudyDate, out.LongitudinalTemporalInformationModified) == ("20240102", "UNMODIFIED")


def test_expressions_add_exclude_and_pass_on(tmp_path: Path) -> None:
    def rule(text: str, *tags: str) -> dict[str, Any]:
        return {"name": "rule", "codename": "expression.on.tags", "tags": list(tags), "arguments": {"expr": text}}

    excluded, _ = change(ct(), plan(rule("ExcludeInstance()", "00080060"), BASIC), tmp_path)
    assert excluded == Excluded("Instance excluded by profile: rule")
    data = ct(PatientComments="c")
    _, out = change(data, plan(rule("null", "00104000"), rule("Replace('new')", "00104000"), BASIC), tmp_path)
    assert out.PatientComments == "new"
    _, out = change(data, plan(rule("Add(#Tag.BurnedInAnnotation, #VR.CS, 'NO')", "00104000"), BASIC), tmp_path)
    assert (out.BurnedInAnnotation, "PatientComments" in out) == ("NO", False)
    before = rule("Add(#Tag.InstanceNumber, #VR.IS, '7')", "00280010")  # behind where it goes
    _, out = change(data, plan(before, BASIC), tmp_path)
    assert out.InstanceNumber == 7


def test_tags_that_are_added(tmp_path: Path) -> None:
    add = {"codename": "action.add.tag", "tags": ["00280301"], "arguments": {"value": "NO"}}
    foreign = {"codename": "action.add.tag", "tags": ["300A0003"], "arguments": {"value": "NO"}}
    arguments = {"value": "v", "vr": "LO", "privateCreator": "ME"}
    private = {"codename": "action.add.private.tag", "tags": ["(0021,1000)"], "arguments": arguments}
    outcome, out = change(ct(), plan(add, foreign, private, BASIC), tmp_path)
    assert isinstance(outcome, Changed)
    assert (out.BurnedInAnnotation, out[0x00211000].value, out[0x00210010].value) == ("NO", "v", "ME")
    assert len(outcome.warnings) == 1
    assert "(300A,0003)" in outcome.warnings[0]


def test_a_service_gives_the_value_or_holds(tmp_path: Path) -> None:
    arguments = {"url": "https://x/{{stringValue}}", "responsePath": "a"}
    chosen = plan({"codename": "action.replace.api", "tags": ["00080050"], "arguments": arguments}, BASIC)
    outcome, _ = change(ct(), chosen, tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "EndpointUnavailable"
    seen: list[str | None] = []

    def answer(_rule: Any, values: Any, element: Any) -> str:
        seen.append(values.text(element.tag))
        return "ANSWER"

    _, out = change(ct(), chosen, tmp_path, api=answer)
    assert (out.AccessionNumber, seen) == ("ANSWER", ["A-4711"])

    def refuse(_rule: Any, _values: Any, _element: Any) -> str:
        raise Hold("EndpointUnavailable", "503")

    outcome, _ = change(ct(), chosen, tmp_path, api=refuse)
    assert outcome == Held("EndpointUnavailable", "503")


def test_masks_are_decided_on_changed_tags_too(tmp_path: Path) -> None:
    says = {"codename": "expression.on.tags", "tags": ["00280301"], "arguments": {"expr": "Replace('YES')"}}
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    data = ct(BurnedInAnnotation="NO")
    outcome, out = change(data, plan(says, pixels, BASIC, masks=masks), tmp_path)
    assert isinstance(outcome, Changed)
    assert outcome.mask is not None
    assert codes(out) == ["113101", "113100"]
    outcome, _ = change(data, plan(pixels, BASIC, masks=masks), tmp_path)
    assert isinstance(outcome, Changed)
    assert outcome.mask is None
    other = [{"stationName": "OTHER", "rectangles": ["0 0 1 1"]}]
    outcome, _ = change(data, plan(says, pixels, BASIC, masks=other), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NoMatchingMask"


def test_morphing_writes_nothing_of_its_own(tmp_path: Path) -> None:
    rule = {"codename": "action.on.specific.tags", "action": "X", "tags": ["00080080"]}
    instance = save(ct(BurnedInAnnotation="YES"), tmp_path / "in.dcm")
    outcome, out = change(instance, plan(rule, morphing=True), tmp_path, None)
    assert isinstance(outcome, Changed)
    before = dcmread(instance.path)
    del before["InstitutionName"]
    assert out == before


def test_what_cannot_be_sent_is_held(tmp_path: Path) -> None:
    rule = {"codename": "action.on.specific.tags", "action": "X", "tags": ["00080018"]}
    outcome, _ = change(ct(), plan(rule, compatibility="Karnak", morphing=True), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NotSendable"


def test_a_type_1_attribute_never_goes(tmp_path: Path) -> None:
    rules = [{"codename": "action.on.specific.tags", "action": action, "tags": [tag]}
             for action, tag in (("X", "0020000D"), ("Z", "00080060"))]  # fmt: skip
    _, out = change(ct(), plan(*rules, BASIC), tmp_path)
    assert (out.StudyInstanceUID, out.Modality) == (hashed_uid(KEY, "1.2.3"), "UNKNOWN")


def test_the_trail_shows_each_step(tmp_path: Path) -> None:
    outcome, _ = change(ct(), plan(keep("00080080"), SHIFT, BASIC), tmp_path, trail=True)
    assert isinstance(outcome, Changed)
    steps = {step.path: step for step in outcome.steps}
    assert (steps[(0x00080020,)].before, steps[(0x00080020,)].after) == ("20240102", "20240101")
    assert steps[(0x00080050,)].rule == "basic.dicom.profile"
    assert steps[(0x00100010,)].after == "PSEUDO-1"
    assert "Doe" not in repr(outcome)
    plain, _ = change(ct(), plan(keep("00080080"), SHIFT, BASIC), tmp_path)
    assert isinstance(plain, Changed)
    assert plain.digest == outcome.digest


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


def test_a_rule_that_adds_burned_in_annotation_is_believed(tmp_path: Path) -> None:
    adds = [
        {"codename": "action.add.tag", "tags": ["00280301"], "arguments": {"value": "YES"}},
        {
            "codename": "expression.on.tags",
            "tags": ["00080060"],
            "arguments": {"expr": "Add(#Tag.BurnedInAnnotation, #VR.CS, 'YES')"},
        },
    ]
    for rule in adds:
        pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
        outcome, _out = change(ct(BitsAllocated=16, PixelData=b"12"), plan(rule, pixels, BASIC, masks=masks), tmp_path)
        assert isinstance(outcome, Changed)
        assert outcome.mask is not None, rule["codename"]
        outcome, _ = change(ct(BitsAllocated=16, PixelData=b"12"), plan(rule, BASIC), tmp_path)
        assert isinstance(outcome, Held), "without a mask it may not go"


def test_a_masked_image_says_that_nothing_is_burned_in(tmp_path: Path) -> None:
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    for said in ("YES", ""):
        data = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", BurnedInAnnotation=said)
        outcome, out = change(data, plan(pixels, BASIC, masks=masks), tmp_path)
        assert isinstance(outcome, Changed)
        assert (outcome.mask is not None, out.BurnedInAnnotation) == (True, "NO")
