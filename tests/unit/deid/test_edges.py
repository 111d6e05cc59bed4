# SPDX-License-Identifier: Apache-2.0
"""Odd values, odd rules and odd instances: what comes of them is whole, or held with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from dromos_gateway.deid.hashing import hashed_uid
from dromos_gateway.deid.outcomes import Changed, Held
from tests.deid.writer import Style, data_set
from tests.unit.deid.instances import BASIC, KEY, change, ct, keep, plan, save


def _expression(text: str, *tags: str) -> dict[str, Any]:
    return {"codename": "expression.on.tags", "tags": list(tags), "arguments": {"expr": text}}


@pytest.mark.parametrize("uid", [b"1.2.840.10008.1\0name", b"1.2.840.10008.Doe", b"1.2.840.10008." + b"1" * 64])
def test_only_a_uid_of_the_standard_is_one(tmp_path: Path, uid: bytes) -> None:
    path = tmp_path / "raw.dcm"
    save(ct(FrameOfReferenceUID="1.2." + "9" * (len(uid) - 4)), path)
    path.write_bytes(path.read_bytes().replace(b"1.2." + b"9" * (len(uid) - 4), uid))
    instance = save(ct(), tmp_path / "other.dcm")
    outcome, out = change(type(instance)(path, instance.offset, instance.transfer_syntax_uid), plan(), tmp_path)
    assert isinstance(outcome, Changed)
    assert out.FrameOfReferenceUID == hashed_uid(KEY, uid.decode().rstrip("\0"))
    assert uid not in (tmp_path / "out.dcm").read_bytes()


def test_no_option_keeps_a_text_where_a_uid_belongs(tmp_path: Path) -> None:
    data = ct(FrameOfReferenceUID="1.2.3.7")
    for tag in (0x0020000D, 0x00200200):
        data.add_new(tag, "UI", "DOE.JANE")
    _, out = change(data, plan(BASIC | {"arguments": {"retainUIDs": True}}), tmp_path)
    assert out.StudyInstanceUID == out.SynchronizationFrameOfReferenceUID == hashed_uid(KEY, "DOE.JANE")
    assert (out.FrameOfReferenceUID, out.SOPInstanceUID) == ("1.2.3.7", "1.2.3.4")


def test_a_sop_class_with_a_name_in_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "raw.dcm"
    instance = save(ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.2.44444"), path)
    path.write_bytes(path.read_bytes().replace(b".1.1.2.44444", b".1.1.2\0DOE^J"))
    outcome, _ = change(type(instance)(path, instance.offset, instance.transfer_syntax_uid), plan(), tmp_path)
    assert isinstance(outcome, Held)


@pytest.mark.parametrize("value", ["1e300", "nan?", "", "١٢", "1_0x", "9" * 4000, "Ω"])
@pytest.mark.parametrize("tag", ["00189306", "00280010", "00189087", "00280009"])  # FD, US, FD, AT
def test_numbers_that_are_none_are_held(tmp_path: Path, value: str, tag: str) -> None:
    data = ct()
    data.add_new(0x00189306, "FD", 1.5)
    data.add_new(0x00189087, "FD", 1.5)
    data.add_new(0x00280009, "AT", 0x00181063)
    data.add_new(0x00720074, "FD", 2.5)
    outcome, _ = change(data, plan(_expression(f"Replace('{value}')", tag), BASIC), tmp_path)
    assert isinstance(outcome, Held | Changed)
    fits = not value or (value == "1e300" and tag != "00280010")  # as hexadecimal digits it is a tag
    assert isinstance(outcome, Changed if fits else Held)
    if isinstance(outcome, Held):
        assert outcome.reason == "ActionFailed"
        assert value[:4] not in outcome.message


def test_a_number_beyond_a_short_float_is_held(tmp_path: Path) -> None:
    data = ct()
    data.add_new(0x00189351, "FL", 1.5)
    outcome, _ = change(data, plan(_expression("Replace('1e300')", "00189351"), BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "ActionFailed"


@pytest.mark.parametrize(
    "add",
    [
        "Add(tag, vr, 'x')",  # of an element that is there, in vain: it is left alone
        "Add(tag - 1, #VR.US, 'x')",
        "Add(tag - 1, #VR.LO, 'x')",
        "Add(tag - 1048576, #VR.LO, 'x')",
        "Add(#Tag.BurnedInAnnotation, vr, 'x')",
        "Add(#Tag.AcquisitionDate, #VR.DA, 'yesterday')",
        "Add(#Tag.PatientAge, #VR.AS, getString(#Tag.PatientID))",
        "Add(#Tag.Rows, #VR.US, '70000')",
    ],
)
def test_an_add_that_breaks_the_object_is_held(tmp_path: Path, add: str) -> None:
    outcome, out = change(ct(), plan(_expression(add, "00280011"), BASIC), tmp_path)
    if isinstance(outcome, Held):
        assert outcome.reason in ("ExpressionFailed", "ActionFailed")
        assert "P1" not in outcome.message
    else:
        assert "tag," in add
        assert out.Columns == 2


@pytest.mark.parametrize("suffix", ["9.4.1", "9.4.2"])
def test_voices_can_not_be_cleaned(tmp_path: Path, suffix: str) -> None:
    data = ct(SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{suffix}")
    outcome, _ = change(data, plan(), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "Uncleanable"
    assert isinstance(change(data, plan(uncleanable="Allow"), tmp_path)[0], Changed)


def test_karnak_leaves_what_is_said_of_dates_to_the_profile(tmp_path: Path) -> None:
    data = ct(LongitudinalTemporalInformationModified="UNMODIFIED")
    _, out = change(data, plan(compatibility="Karnak"), tmp_path)
    assert out.LongitudinalTemporalInformationModified == "UNMODIFIED"
    _, out = change(data, plan(keep("00280303"), BASIC), tmp_path)
    assert out.LongitudinalTemporalInformationModified == "REMOVED"


def test_thirty_thousand_neighbours_go(tmp_path: Path) -> None:
    instance = save(ct(), tmp_path / "in.dcm", pixels=False)
    tags = [group << 16 | number for group in (0x7001, 0x7003) for number in range(0x1000, 0x1000 + 15_000)]
    with instance.path.open("ab") as file:
        file.write(data_set([(tag, "LO", b"MARKER") for tag in tags], Style()))
    outcome, out = change(instance, plan(), tmp_path)
    assert isinstance(outcome, Changed)
    assert b"MARKER" not in (tmp_path / "out.dcm").read_bytes()
    assert not any(element.tag.is_private for element in out)


def _private(tag: str, **arguments: str) -> dict[str, Any]:
    return {"codename": "action.add.private.tag", "tags": [tag], "arguments": {"value": "v", "vr": "LO"} | arguments}


def test_a_private_element_never_stands_without_its_creator(tmp_path: Path) -> None:
    data = ct()
    data.add_new(0x00210010, "LO", "")
    data.add_new(0x00230010, "LO", "OTHER")
    rules = [
        _private("(0021,1001)", privateCreator="ME"),  # a block that has no name
        _private("(0021,1002)", privateCreator="YOU"),  # reserved by the rule before
        _private("(0021,1003)"),  # of the same block
        _private("(0023,1001)", privateCreator="ME"),  # another one's
        _private("(0023,1002)"),
        _private("(0025,1001)"),  # nobody's
    ]
    outcome, out = change(data, plan(*rules, BASIC), tmp_path)
    assert isinstance(outcome, Changed)
    assert {int(found.tag): found.value for found in out if found.tag.is_private} == {
        0x00210010: "ME",
        0x00211001: "v",
        0x00211003: "v",
    }
    assert [warning[:11] for warning in outcome.warnings] == [
        "(0021,1002)",
        "(0023,1001)",
        "(0023,1002)",
        "(0025,1001)",
    ]
    _, out = change(data, plan(rules[-1], BASIC, compatibility="Karnak"), tmp_path)
    assert out[0x00251001].value == "v"


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "value", "stays"),
    [
        ("GEMS_ACQU_01", 0x00191023, "DS", "1.5", True),
        ("GEMS_ACQU_01", 0x00191023, "LO", "Doe^Jane", False),
        ("GEMS_ACQU_01", 0x00191023, "LO", "1.5", False),
        ("GEMS_ACQU_01", 0x00191023, "UN", b"1.5 ", True),
        ("GEMS_ACQU_01", 0x00191023, "UN", b"Doe^Jane", False),
        ("GEMS_ACQU_01", 0x00191023, "UN", b"1.5\0Doe ", False),
        ("GEMS_ACQU_01", 0x0019109E, "LO", "SE_fast", True),
        ("GEMS_ACQU_01", 0x0019109E, "LO", "Doe^Jane", False),
        ("GEMS_PARM_01", 0x00431027, "SH", "0.562:1", True),
        ("GEMS_PARM_01", 0x00431027, "SH", "Jane", False),
        ("GEIIS PACS", 0x09031010, "US", 1, True),
        ("GEIIS PACS", 0x09031010, "UT", "words", False),
        ("Philips Imaging DD 001", 0x20011004, "CS", "DIAGONAL", True),
        ("SIEMENS MR HEADER", 0x00191027, "FD", [1.0] * 6, True),
        ("SIEMENS MR HEADER", 0x00191027, "OB", b"Doe^Jane", False),
    ],
)
def test_safe_private_elements_are_what_the_table_says(
    tmp_path: Path, creator: str, tag: int, vr: str, value: Any, stays: bool
) -> None:
    data = ct()
    data.add_new(tag & 0xFFFF0000 | tag >> 8 & 0xFF, "LO", creator)
    data.add_new(tag, vr, value)
    _, out = change(data, plan(BASIC | {"arguments": {"retainSafePrivate": True}}), tmp_path)
    assert (tag in out) is stays
    assert any(found.tag.is_private for found in out) is stays


@pytest.mark.parametrize("action", ["X", "Z", "DDum", "X/Z/D"])
def test_no_rule_makes_texts_unreadable(tmp_path: Path, action: str) -> None:
    item = Dataset()
    item.SpecificCharacterSet, item.BodyPartExamined = "GB18030", "HEAD"
    data = ct(SpecificCharacterSet="ISO_IR 192", Manufacturer="Ωж", ReferencedInstanceSequence=Sequence([item]))
    rule = {"codename": "action.on.specific.tags", "action": action, "tags": ["(0008,000X)"]}
    _, out = change(data, plan(rule, BASIC), tmp_path, "Ωж漢")
    assert (out.SpecificCharacterSet, out.Manufacturer, str(out.PatientName)) == ("ISO_IR 192", "Ωж", "Ωж漢")
    assert out.ReferencedInstanceSequence[0].SpecificCharacterSet == "GB18030"


@pytest.mark.parametrize("pseudonym", ["a=b=c", "x" * 64, "a^b^c^d^e", "PSN^1=2"])
def test_a_pseudonym_with_the_signs_of_names_is_one(tmp_path: Path, pseudonym: str) -> None:
    _, out = change(ct(), plan(), tmp_path, pseudonym)
    assert (str(out.PatientName), out.ClinicalTrialSubjectID) == (pseudonym, pseudonym)


def test_karnak_passes_over_a_sequence_to_add_that_the_class_does_not_have(tmp_path: Path) -> None:
    """Where it has it, nothing can be written: held, not a value that is none."""
    for tag, kind in (("00540013", Changed), ("00081115", Held)):
        add = {"codename": "action.add.tag", "tags": [tag], "arguments": {"value": "YES"}}
        outcome, out = change(ct(), plan(add, BASIC, compatibility="Karnak"), tmp_path)
        assert isinstance(outcome, kind)
        assert Tag(tag) not in out
