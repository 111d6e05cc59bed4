# SPDX-License-Identifier: Apache-2.0
"""Cleaned texts: numbers in groups, what identifies somebody anywhere in the instance."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.cleaning import Identifying, cleaned
from dromos_gateway.deid.deidentify import Instance
from dromos_gateway.dimse.part10 import read_head
from tests.deid.writer import Node, Style, data_set, part10
from tests.unit.deid.instances import BASIC, change, ct, plan

CLEANS = BASIC | {"arguments": {"cleanDescriptors": True}}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("thorax 03_05_62", "thorax"),
        ("thorax 079_123_45_67", "thorax"),
        ("079a123b45c67", ""),
        ("123A456B789", ""),
        ("MRN:123é456", ":"),
        ("SSN 123_45_6789", ""),
        ("thorax 3 May 62", "thorax"),
        ("3. Mai 62", ""),
        ("born 3 JUN 62", ""),
        ("Oct 62", ""),
        ("3 Qqq 62", ""),
        ("AX T2 QQQ 5mm", "AX 2 5mm"),
        ("12th of 3 62", "of"),
        ("123 and 456 to 789", "and to"),
        ("4.1.1.9", ""),
        ("١٢٣", ""),
        ("thorax 1 to 10 mm", "thorax 1 to 10 mm"),
        ("3 phase liver, 5 mm", "3 phase liver, 5 mm"),
        ("thorax_axial_5_mm", "thorax axial 5 mm"),
        ("079\\123\\45\\liver", "\\\\\\liver"),
        ("Doe\\Jane", ""),
    ],
)
def test_numbers_go_however_they_are_grouped(text: str, left: str) -> None:
    assert cleaned(text, Identifying()) == left


def _person(name: str) -> Dataset:
    code, person = Dataset(), Dataset()
    code.CodeMeaning = name
    person.PersonIdentificationCodeSequence = Sequence([code])
    return person


@pytest.mark.parametrize(
    ("attributes", "text", "left"),
    [
        ({"PatientID": "815"}, "5 mm head 815", "5 mm head"),
        ({"AccessionNumber": "A-047"}, "CT head 47", "CT head"),
        ({"PatientAge": "043Y"}, "head of 43 year old", "head of year old"),
        ({"PatientName": "Ed^Hand"}, "CT Ed Hand", "CT"),
        ({"PatientName": "Bröwn^Jane"}, "CT Brown", "CT"),
        ({"StationName": "CT01"}, "CT head", "CT head"),
        ({"ReferringPhysicianIdentificationSequence": Sequence([_person("Dr. Brown")])}, "CT Brown", "CT"),
        ({"OtherPatientIDsSequence": Sequence([ct(PatientID="47")])}, "CT 47", "CT"),
    ],
)
def test_what_identifies_goes_wherever_it_stands(
    tmp_path: Path, attributes: dict[str, object], text: str, left: str
) -> None:
    data = ct(StudyDescription=text, **attributes)
    _, out = change(data, plan(CLEANS), tmp_path)
    assert out.StudyDescription == left


def test_names_in_sequences_count_with_their_character_set(tmp_path: Path) -> None:
    data, inner, step = ct(StudyDescription="CT White Brown"), Dataset(), Dataset()
    inner.SpecificCharacterSet, inner.RequestingPhysician = "ISO_IR 192", "Whïte^A"
    step.ScheduledProcedureStepDescription = "Head of Brown"
    data.RequestAttributesSequence = Sequence([inner, step])
    data.add_new(0x00091010, "LO", "CREATOR")
    data.add_new(0x00091001, "PN", "Brown")
    _, out = change(data, plan(CLEANS), tmp_path)
    assert out.StudyDescription == "CT"
    assert out.RequestAttributesSequence[1].ScheduledProcedureStepDescription == "Head of"


def test_names_in_a_sequence_that_lost_its_vr_count(tmp_path: Path) -> None:
    name = b"\x32\x00\x32\x10\x06\0\0\0White "  # implicit, as in every UN
    lost = b"\xfe\xff\x00\xe0" + len(name).to_bytes(4, "little") + name
    nodes: list[Node] = [
        (0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2"),
        (0x00080018, "UI", b"1.2.3.4"),
        (0x00081030, "LO", b"CT White"),
        (0x00100020, "LO", b"P1"),
        (0x00400275, "UN", lost),
    ]
    path = tmp_path / "in.dcm"
    path.write_bytes(part10("1.2", "1.2.3", data_set(nodes, Style()), Style()))
    instance = Instance(path, read_head(path).data_set_offset, Style().syntax)
    _, out = change(instance, plan(CLEANS), tmp_path)
    assert out.StudyDescription == "CT"
