# SPDX-License-Identifier: Apache-2.0
"""What rules do to elements, in Strict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.hashing import hashed_uid
from dromos_gateway.deid.outcomes import Changed, Excluded, Held, Hold
from tests.unit.deid.instances import BASIC, KEY, change, codes, ct, keep, plan


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


@pytest.mark.parametrize("recipe", [{}, {"compatibility": "Karnak"}, {"morphing": True}])
def test_an_empty_value_adds_an_empty_element(tmp_path: Path, recipe: dict[str, Any]) -> None:
    """As an attribute of type 2 may be; numbers too, and private ones."""
    adds = [
        {"codename": "action.add.tag", "tags": [tag], "arguments": {"value": ""}} for tag in ("00200013", "00280301")
    ]
    arguments = {"value": "", "vr": "US", "privateCreator": "ME"}
    private = {"codename": "action.add.private.tag", "tags": ["(0021,1000)"], "arguments": arguments}
    outcome, out = change(ct(), plan(*adds, private, BASIC, **recipe), tmp_path)
    assert isinstance(outcome, Changed), outcome
    assert outcome.warnings == ()
    for tag in (0x00200013, 0x00280301, 0x00211000):
        assert tag in out
        assert not out[tag].value
    assert out[0x00210010].value == "ME"


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


def test_a_type_1_attribute_never_goes(tmp_path: Path) -> None:
    rules = [{"codename": "action.on.specific.tags", "action": action, "tags": [tag]}
             for action, tag in (("X", "0020000D"), ("Z", "00080060"))]  # fmt: skip
    _, out = change(ct(), plan(*rules, BASIC), tmp_path)
    assert (out.StudyInstanceUID, out.Modality) == (hashed_uid(KEY, "1.2.3"), "UNKNOWN")


def test_cleaning_keeps_words_that_other_attributes_describe_with(tmp_path: Path) -> None:
    item = Dataset()
    item.TextValue = "Thorax of Brown, Longword"
    data = ct(StudyDescription="Thorax", PatientName="Brown^Jane", AcquisitionContextSequence=Sequence([item]))
    _, out = change(data, plan(BASIC | {"arguments": {"cleanStructuredContent": True}}), tmp_path)
    assert out.get("StudyDescription", "") == ""
    assert out.AcquisitionContextSequence[0].TextValue == "Thorax of ,"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("CT thorax 03/05/62 and 3/14/62", "CT thorax and"),
        ("CT thorax 555-123-456, thorax 123-45-678", "CT thorax , thorax"),
        ("CT thorax 12 345 678", "CT thorax"),
        ("CT thorax 1.5 mm 120", "CT thorax 1.5 mm 120"),
    ],
)
def test_cleaning_takes_numbers_that_are_written_in_groups(tmp_path: Path, text: str, left: str) -> None:
    data = ct(StudyDescription=text)
    _, out = change(data, plan(BASIC | {"arguments": {"cleanDescriptors": True}}), tmp_path)
    assert out.StudyDescription == left


@pytest.mark.parametrize("tag", ["00080050", "00100030", "(0009,1001)"])
def test_what_can_be_no_uid_is_held_where_it_should_become_one(tmp_path: Path, tag: str) -> None:
    data = ct()
    data.private_block(0x0009, "ACME", create=True).add_new(0x01, "LO", "private")
    codename = "action.on.privatetags" if tag.startswith("(") else "action.on.specific.tags"
    outcome, _ = change(data, plan({"codename": codename, "action": "U", "tags": [tag]}, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "ActionFailed"
    assert "can be no UID" in outcome.message


def test_the_dummy_of_an_age_is_not_the_age(tmp_path: Path) -> None:
    rule = {"codename": "action.on.specific.tags", "action": "DDum", "tags": ["(0010,1010)"]}
    _, out = change(ct(PatientAge="043Y"), plan(rule, BASIC), tmp_path)
    assert out.PatientAge == "000D"
    _, out = change(ct(PatientAge="043Y"), plan(rule, BASIC, compatibility="Karnak"), tmp_path)
    assert out.PatientAge == "043Y"


def test_an_age_that_stays_is_no_date_that_stays(tmp_path: Path) -> None:
    chosen = plan(BASIC | {"arguments": {"retainPatientCharacteristics": True}})
    _, out = change(ct(PatientAge="043Y"), chosen, tmp_path)
    assert (out.PatientAge, out.LongitudinalTemporalInformationModified) == ("043Y", "REMOVED")


@pytest.mark.parametrize(
    ("character_set", "codec"),
    [("\\ISO 2022 IR 87", "iso2022_jp"), ("ISO_IR 192", "utf-8"), ("GB18030", "gb18030")],
)
def test_what_a_rule_writes_is_in_the_instances_character_set(tmp_path: Path, character_set: str, codec: str) -> None:
    rule = {"codename": "expression.on.tags", "tags": ["00081030"], "arguments": {"expr": "Replace('山田')"}}
    item = Dataset()
    item.StudyDescription = "words"
    data = ct(StudyDescription="words", ReferencedStudySequence=Sequence([item]))
    data.SpecificCharacterSet = character_set.split("\\")
    _, out = change(data, plan(rule, keep("00081110"), BASIC), tmp_path)
    assert (out.StudyDescription, out.ReferencedStudySequence[0].StudyDescription) == ("山田", "山田")
    assert (tmp_path / "out.dcm").read_bytes().count("山田".encode(codec).rstrip()) == 2
    data.SpecificCharacterSet = "ISO_IR 100"
    outcome, _ = change(data, plan(rule, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "CharacterSet"


def test_an_age_is_computed_from_the_first_date_there_is(tmp_path: Path) -> None:
    rule = {"codename": "expression.on.tags", "tags": ["00101010"], "arguments": {"expr": "ComputePatientAge()"}}
    for born, seen, age in (("19700203", "20240102", "053Y"), ("20230901", "20240102", "004M"), ("", "20240102", "")):
        data = ct(PatientBirthDate=born, StudyDate=seen, PatientAge="099Y")
        _, out = change(data, plan(rule, BASIC), tmp_path)
        assert out.PatientAge == age


@pytest.mark.parametrize("private", [False, True])
def test_an_expression_sees_the_value_that_it_decides_about(tmp_path: Path, *, private: bool) -> None:
    """Karnak's sees the root's at the same tag, and would keep a name in a sequence because the root says CT."""
    item, data = Dataset(), ct(StudyDescription="CT")
    tag, vr = (0x00091001, "LO") if private else (0x00081030, "LO")
    for where, text in ((data, "CT"), (item, "Doe^Jane")):
        if private:
            where.private_block(0x0009, "ACME", create=True)
        where.add_new(tag, vr, text)
    data.RequestAttributesSequence = Sequence([item])
    rule = {
        "codename": "expression.on.tags",
        "tags": [f"{tag:08X}"],
        "arguments": {"expr": "stringValue == 'CT' ? Keep() : Remove()"},
    }
    sequence = keep("00400275")
    for mode, kept in (("Strict", None), ("Karnak", "Doe^Jane")):
        _, out = change(data, plan(rule, sequence, BASIC, compatibility=mode), tmp_path)
        assert out[tag].value == "CT"
        found = out.RequestAttributesSequence[0].get(tag)
        assert (found and found.value) == kept
