# SPDX-License-Identifier: Apache-2.0
"""What becomes of an instance at a destination, and when its values are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dromos_crds.expressions import Condition, compile_condition
from dromos_gateway import pipeline
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.spool.records import Instance
from dromos_gateway.transferlog.identifiers import read_front, read_view
from tests.unit.gateway.records import EXPLICIT, instance

HEAD = 132


def settings(condition: str | None = None, **others: object) -> DestinationSettings:
    compiled = compile_condition(condition) if condition is not None else None
    assert compiled is None or isinstance(compiled, Condition), compiled
    plain = DestinationSettings("default/a", "default/n", 1, True, False, None, None, 3600.0, condition=compiled)
    return replace(plain, **others)  # type: ignore[arg-type]


def stored(folder: Path, dataset: Dataset) -> tuple[Instance, Path, bytes]:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    data = buffer.getvalue()
    path = folder / "object.dcm"
    path.write_bytes(bytes(HEAD) + data)
    arrived = replace(instance(1, size=HEAD + len(data)), data_set_offset=HEAD, transfer_syntax_uid=EXPLICIT)
    return arrived, path, data


def ct(**elements: object) -> Dataset:
    dataset = Dataset()
    dataset.Modality = "CT"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def test_a_condition_is_evaluated_and_its_rule_names_no_value(tmp_path: Path) -> None:
    arrived, path, data = stored(tmp_path, ct(PatientID="4711"))
    with InstanceValues(arrived, path, data) as values:
        assert pipeline.on_arrival(arrived, settings("tagValueIsPresent(#Tag.Modality, 'CT')"), values) == (
            pipeline.Deliver()
        )
        found = pipeline.on_arrival(arrived, settings("tagValueIsPresent(#Tag.PatientID, '1')"), values)
    assert found == pipeline.Exclude("the condition is not met")


def test_enabled_then_condition_then_sop_class(tmp_path: Path) -> None:
    arrived, path, data = stored(tmp_path, ct())
    with InstanceValues(arrived, path, data) as values:
        none = frozenset({"1.2"})
        disabled = settings("false", enabled=False, sop_classes=none)
        assert pipeline.on_arrival(arrived, disabled, values) == pipeline.Exclude("destination disabled")
        assert pipeline.on_arrival(arrived, settings("false", sop_classes=none), values) == (
            pipeline.Exclude("the condition is not met")
        )
        found = pipeline.on_arrival(arrived, settings("true", sop_classes=none), values)
    assert isinstance(found, pipeline.Exclude)
    assert "authorizedSOPClasses" in found.rule


def test_a_condition_that_fails_is_a_dead_letter_that_says_why(tmp_path: Path) -> None:
    arrived, path, data = stored(tmp_path, ct(PatientName="SECRET^NAME"))
    path.write_bytes(path.read_bytes()[:-4])  # cut off inside the name
    with InstanceValues(arrived, path, data[:-4]) as values:
        found = pipeline.on_arrival(arrived, settings("tagIsPresent(#Tag.Modality) || true"), values)
    assert isinstance(found, pipeline.Fail)
    assert found.reason == "ConditionFailed"
    assert "an element could not be read" in found.message
    assert "SECRET" not in found.message


def test_a_file_that_cannot_be_read_says_nothing_of_the_instance(tmp_path: Path) -> None:
    arrived, path, _ = stored(tmp_path, ct())
    path.unlink()
    with InstanceValues(arrived, path) as values, pytest.raises(FileNotFoundError):
        pipeline.decide(arrived, settings("tagIsPresent(#Tag.Modality)"), values)


def test_a_condition_that_was_met_is_not_asked_again_unless_it_changed(tmp_path: Path) -> None:
    arrived, path, _ = stored(tmp_path, ct())
    path.unlink()
    with InstanceValues(arrived, path) as values:
        asked = settings("tagIsPresent(#Tag.Modality)")
        assert pipeline.decide(arrived, asked, values, "tagIsPresent(#Tag.Modality)") == pipeline.Deliver()
        with pytest.raises(FileNotFoundError):
            pipeline.decide(arrived, asked, values, "true")


@pytest.mark.parametrize("cut", [16, 1000, 16 * 1024])
def test_what_lies_behind_the_bytes_in_memory_is_found_in_the_file(tmp_path: Path, cut: int) -> None:
    dataset = ct(StationName="ICT258")
    dataset.add_new(0x00091010, "UN", bytes(20_000))
    dataset.PatientName = "Doe^John"
    arrived, path, data = stored(tmp_path, dataset)
    with InstanceValues(arrived, path, data[:cut]) as values:
        wanted = settings("tagValueBeginsWith(#Tag.PatientName, 'Doe') && tagIsPresent(#Tag.StationName)")
        assert pipeline.decide(arrived, wanted, values) == pipeline.Deliver()


def test_memory_that_ends_between_two_elements_is_not_the_whole(tmp_path: Path) -> None:
    dataset = ct()
    _, _, beginning = stored(tmp_path, dataset)
    dataset.PatientName = "Doe^John"
    arrived, path, _ = stored(tmp_path, dataset)
    with InstanceValues(arrived, path, beginning) as values:
        assert pipeline.decide(arrived, settings("tagIsPresent(#Tag.PatientName)"), values) == pipeline.Deliver()


def test_the_header_of_an_object_that_is_not_all_in_memory_needs_no_file_and_serves_the_log(tmp_path: Path) -> None:
    dataset = ct(PatientID="4711", StudyDescription="chest")
    dataset.add_new(0x00091010, "UN", bytes(300))
    dataset.add_new(0x7FE00010, "OW", bytes(500_000))
    arrived, path, data = stored(tmp_path, dataset)
    path.unlink()
    with InstanceValues(arrived, path, data[: 16 * 1024]) as values:
        assert values.read is None, "nobody asked yet"
        assert (
            pipeline.decide(arrived, settings("tagValueIsPresent(#Tag.Modality, 'CT')"), values) == pipeline.Deliver()
        )
        assert values.read is not None
    found = read_view(values.read)
    assert found == read_front(data[: 16 * 1024], EXPLICIT)
    assert (found.patient_id, found.study_description) == ("4711", "chest")


def test_what_was_read_from_a_file_is_not_kept(tmp_path: Path) -> None:
    arrived, path, data = stored(tmp_path, ct(PatientID="4711"))
    with InstanceValues(arrived, path, data[:10]) as values:
        assert values.text(0x00100020) == "4711"
    assert values.read is None


def test_memory_that_ends_in_a_sequence_or_a_value_is_not_the_whole(tmp_path: Path) -> None:
    dataset = ct()
    dataset.ReferencedStudySequence = [Dataset()]
    dataset["ReferencedStudySequence"].is_undefined_length = True
    dataset.PatientName = "Doe^John"
    arrived, path, data = stored(tmp_path, dataset)
    for cut in range(1, len(data)):
        with InstanceValues(arrived, path, data[:cut]) as values:
            assert values.text(0x00100010) == "Doe^John"


@pytest.mark.parametrize(
    "condition",
    ["!tagValueContains(#Tag.PatientName, 'test')", "!tagValueIsPresent(#Tag.EncapsulatedDocument, '1')"],
)
def test_what_cannot_be_told_is_not_false(tmp_path: Path, condition: str) -> None:
    """A name in another character set than announced, a document of which nobody makes a text."""
    dataset = ct(PatientID="4711")
    dataset.EncapsulatedDocument = bytes(512 * 1024)
    arrived, path, data = stored(tmp_path, dataset)
    name = b"\x10\x00\x10\x00PN\x08\x00t\xe9st^abc"
    data = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192" + data.replace(
        b"\x10\x00\x20\x00LO", name + b"\x10\x00\x20\x00LO", 1
    )
    path.write_bytes(bytes(HEAD) + data)
    arrived = replace(arrived, size=HEAD + len(data))
    with InstanceValues(arrived, path, data) as values:
        found = pipeline.on_arrival(arrived, settings(condition), values)
        assert isinstance(found, pipeline.Fail)
        assert found.reason == "ConditionFailed"
        held_back = pipeline.on_arrival(arrived, settings("!tagIsPresent(#Tag.EncapsulatedDocument)"), values)
    assert held_back == pipeline.Exclude("the condition is not met")


def test_an_answer_is_remembered_for_the_same_values_only(tmp_path: Path) -> None:
    """The bytes, VR, character set and order of the elements that are named decide, and nothing else."""
    wanted = settings("tagValueContains(#Tag.PatientName, 'Ü') || tagIsPresent(#Tag.PixelData)")
    plain = ct(SpecificCharacterSet="ISO_IR 100", PatientName="Ünal", StudyDescription="a")
    other = ct(SpecificCharacterSet="ISO_IR 100", PatientName="Ünal", StudyDescription="b")
    russian = ct(SpecificCharacterSet="ISO_IR 144", PatientName="мnal")  # the same bytes
    nobody = ct(SpecificCharacterSet="ISO_IR 100", PatientName=None)
    pixels = ct(SpecificCharacterSet="ISO_IR 144", PatientName="мnal", PixelData=b"\0\0")
    pixels["PixelData"].VR = "OW"
    expected = {0: True, 1: True, 2: False, 3: False, 4: True}
    for _ in range(2):
        for number, dataset in enumerate((plain, other, russian, nobody, pixels)):
            arrived, path, data = stored(tmp_path, dataset)
            with InstanceValues(arrived, path, data) as values:
                decision = pipeline.on_arrival(arrived, wanted, values)
            assert isinstance(decision, pipeline.Deliver) is expected[number], number


def test_answers_are_remembered_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_MOST_ANSWERS", 3)
    wanted = settings("tagValueIsPresent(#Tag.PatientID, '7')")
    for number in range(9):
        arrived, path, data = stored(tmp_path, ct(PatientID=str(number)))
        with InstanceValues(arrived, path, data) as values:
            decision = pipeline.on_arrival(arrived, wanted, values)
        assert isinstance(decision, pipeline.Deliver) is (number == 7)
        assert len(pipeline._answers) <= 3
    arrived, path, data = stored(tmp_path, ct(PatientID="7", PatientComments="x" * 5000))
    with InstanceValues(arrived, path, data) as values:
        long = settings("tagValueContains(#Tag.PatientComments, 'xx') && tagValueIsPresent(#Tag.PatientID, '7')")
        before = dict(pipeline._answers)
        assert pipeline.on_arrival(arrived, long, values) == pipeline.Deliver()
    assert pipeline._answers == before, "what is long is not kept"
