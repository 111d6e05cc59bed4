# SPDX-License-Identifier: Apache-2.0
"""A cohort with synthetic patients, changed as archives do it, and every answer right."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.deidentify import deidentify
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.projects.pixels import pixel_plan
from dromos_gateway.projects.use import Use
from tests.deid.midi import CHECKS, Answer, Case, score
from tests.unit.deid.instances import BASIC, plan, save

PATIENTS, STUDIES, INSTANCES = 12, 3, 3
BOX = (0, 0, 4, 2)  # of the burned-in text: x, y, width, height
OPTIONS = ("retainModifiedDates", "retainPatientCharacteristics", "retainDevice", "cleanDescriptors")
_FIRST = [
    "Aurelia",
    "Bogdan",
    "Chiara",
    "Dmitri",
    "Eszter",
    "Farouk",
    "Gudrun",
    "Hiroshi",
    "Ingeborg",
    "Joaquim",
    "Kwame",
    "Ludmila",
]
_LAST = [
    "Abernathy",
    "Brown",
    "Castellanos",
    "Hand",
    "Eriksen",
    "Featherstone",
    "Gallagher",
    "Hashimoto",
    "Iversen",
    "Jankowski",
    "Kowalczyk",
    "Lindqvist",
]
_CITIES = ["Reykjavik", "Timbuktu", "Ouagadougou", "Zaporizhzhia"]


def _cohort() -> Iterator[tuple[Dataset, list[Answer], bool]]:
    generator = random.Random("midi")
    for number in range(PATIENTS):
        born = date(1930, 1, 1) + timedelta(days=generator.randrange(25_000))
        person = (_FIRST[number], _LAST[number], f"HOSP-{generator.randrange(10**6, 10**7)}", f"{born:%Y%m%d}")
        for study in range(STUDIES):
            day = date(2020, 1, 1) + timedelta(days=generator.randrange(1500))
            for index in range(INSTANCES):
                yield _instance(generator, person, (number, study, index), day)


def _instance(
    generator: random.Random, person: tuple[str, str, str, str], numbers: tuple[int, int, int], day: date
) -> tuple[Dataset, list[Answer], bool]:
    first, last, patient, born = person
    number, study, index = numbers
    city, phone = generator.choice(_CITIES), f"555{generator.randrange(10**6, 10**7)}"
    data = Dataset()
    burned = index == 2
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1" if burned else "1.2.840.10008.5.1.4.1.1.2"
    data.SOPInstanceUID, data.StudyInstanceUID = f"1.2.3.{number}.{study}.9.{index}", f"1.2.3.{number}.{study}"
    data.SeriesInstanceUID, data.FrameOfReferenceUID = f"1.2.3.{number}.{study}.8", f"1.2.3.{number}.7"
    data.Modality, data.Manufacturer, data.StationName = "US" if burned else "CT", "Scanners and Sons", f"{city}1"
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = f"{last}^{first}", patient, born, "F"
    data.StudyDate = data.SeriesDate = f"{day:%Y%m%d}"
    data.AcquisitionDateTime = f"{day:%Y%m%d}101500"
    data.StudyTime = "101500"
    data.StudyDescription = f"CT thorax with contrast for {last} {first} {phone}"
    data.SeriesDescription = f"axial lung soft tissue {city}"
    data.PatientComments = f"call {first} at {phone}, born {born}"
    data.InstitutionName, data.InstitutionAddress = f"{city} General", f"1 {last} Road, {city}"
    data.ReferringPhysicianName, data.OperatorsName = f"Quackenbush^{city}", f"Opera^{first}"
    data.AccessionNumber = f"ACC{generator.randrange(10**8)}"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
        data.SOPClassUID,
        f"1.2.3.{number}.{study}.9.0",
    )
    reference.PatientID, reference.StudyDescription = patient, f"thorax {last}"
    data.ReferencedInstanceSequence = Sequence([reference])
    data.private_block(0x0011, f"VENDOR {first}", create=True).add_new(1, "LO", f"{last} {phone}")
    data.Rows = data.Columns = 4
    data.BitsAllocated, data.BitsStored, data.HighBit, data.SamplesPerPixel = 16, 16, 15, 1
    data.PhotometricInterpretation, data.PixelRepresentation = "MONOCHROME2", 0
    data.add_new(0x7FE00010, "OW", bytes(generator.randrange(1, 256) for _ in range(32)))
    words = f"{first} {last} {phone} {city} {patient} {born}"
    return data, list(_answers(words, burned=burned)), burned


def _answers(words: str, *, burned: bool) -> Iterator[Answer]:
    for keyword in ("Modality", "PatientName", "PatientID", "StudyDate", "StudyInstanceUID"):
        yield Answer("text_notnull", (keyword,))
    for keyword in (
        "Rows",
        "Columns",
        "BitsAllocated",
        "StudyDescription",
        "ReferringPhysicianName",
        "AccessionNumber",
    ):
        yield Answer("tag_retained", (keyword,))
    yield Answer("text_retained", ("StudyDescription",), "CT thorax with contrast")
    yield Answer("text_retained", ("SeriesDescription",), "axial lung soft tissue")
    yield Answer("text_retained", ("PatientSex",), "F")
    yield Answer("text_retained", ("Manufacturer",), "Scanners and Sons")
    nested = (("ReferencedInstanceSequence", 0, "PatientID"), ("ReferencedInstanceSequence", 0, "StudyDescription"))
    for path in (
        *((keyword,) for keyword in (
            "StudyDescription", "SeriesDescription", "PatientComments", "InstitutionName", "InstitutionAddress",
            "ReferringPhysicianName", "OperatorsName", "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber",
        )),
        *nested,
    ):  # fmt: skip
        yield Answer("text_removed", path, words)
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDateTime"):
        yield Answer("date_shifted", (keyword,))
    for path in (
        ("SOPInstanceUID",), ("StudyInstanceUID",), ("SeriesInstanceUID",), ("FrameOfReferenceUID",),
        ("ReferencedInstanceSequence", 0, "ReferencedSOPInstanceUID"),
    ):  # fmt: skip
        yield Answer("uid_changed", path)
        yield Answer("uid_consistent", path)
    yield Answer("patid_consistent", ("PatientID",))
    yield Answer("pixels_hidden" if burned else "pixels_retained", ("PixelData",))


def _drawn(path: Path, outcome: Changed) -> Path:
    """The file with its mask, where it has one, as it goes out."""
    if outcome.mask is None:
        return path
    target = path.with_suffix(".drawn")
    use = Use(plan().recipe, None, "n/p")
    wanted = pixel_plan(use, outcome, transfer_syntax=None, only_uncompressed=True, destination_uid="")
    done = change_pixels(path, target, wanted)
    assert isinstance(done, PixelsChanged), done
    return target


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Case, list[Answer]]]:
    folder = tmp_path_factory.mktemp("midi")
    rules = ({"codename": "clean.pixel.data"}, BASIC | {"arguments": dict.fromkeys(OPTIONS, True)})
    chosen = plan(*rules, masks=[{"stationName": "*", "rectangles": [" ".join(map(str, BOX))]}])
    uids: dict[str, str] = {}
    patients: dict[str, str] = {}
    found = []
    for number, (data, answers, burned) in enumerate(_cohort()):
        instance = save(data, folder / f"{number}.in")
        target = folder / f"{number}.out"
        outcome = deidentify(instance, target, chosen, f"SUBJECT-{data.PatientID[-4:]}")
        assert isinstance(outcome, Changed), outcome
        after = dcmread(_drawn(target, outcome))
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            assert uids.setdefault(data[keyword].value, after[keyword].value) == after[keyword].value
        patients.setdefault(data.PatientID, after.PatientID)
        found.append((Case(data, after, uids, patients, BOX if burned else None), answers))
    assert len(set(uids.values())) == len(uids)
    assert len(set(patients.values())) == len(patients) == PATIENTS
    return found


def test_every_answer_is_right(cases: list[tuple[Case, list[Answer]]]) -> None:
    wrong = [
        (answer, case.after.StudyDescription)
        for case, answers in cases
        for answer in answers
        if not score(case, answer)
    ]
    asked = Counter(answer.check for _, answers in cases for answer in answers)
    assert set(asked) == set(CHECKS)
    print(f"{asked.total()} answers, {len(wrong)} wrong: {dict(asked)}")
    assert wrong == []


def test_intervals_between_a_patients_studies_stay(cases: list[tuple[Case, list[Answer]]]) -> None:
    def day(text: str) -> date:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))

    shifts: dict[str, set[int]] = {}
    for case, _ in cases:
        moved = (day(case.before.StudyDate) - day(case.after.StudyDate)).days
        shifts.setdefault(case.before.PatientID, set()).add(moved)
    assert all(len(days) == 1 for days in shifts.values())
    assert len({next(iter(days)) for days in shifts.values()}) > PATIENTS // 2


@pytest.mark.parametrize(
    "check", ["text_removed", "uid_changed", "date_shifted", "text_retained", "pixels_retained", "pixels_hidden"]
)
def test_the_checks_can_fail(cases: list[tuple[Case, list[Answer]]], check: str) -> None:
    case, answers = cases[0]
    if check == "pixels_hidden":
        case, answers = next(found for found in cases if found[0].box is not None)
    unchanged, blank = replace(case, after=case.before), Dataset()
    blank.PixelData = b""
    bad = unchanged if check not in ("text_retained", "pixels_retained") else replace(case, after=blank)
    assert not all(score(bad, answer) for answer in answers if answer.check == check)
