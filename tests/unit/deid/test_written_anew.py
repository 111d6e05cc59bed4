# SPDX-License-Identifier: Apache-2.0
"""What is written anew whatever a profile says of it: rules are asked all the same, as they may do more than change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dromos_crds.expressions import Element, Values
from dromos_crds.profiles.rules import ReplaceByAPI
from dromos_gateway.deid.outcomes import Changed, Excluded, Held
from tests.unit.deid.instances import BASIC, change, ct, keep, plan

MODES = ("Strict", "Karnak")
MASK = {"stationName": "*", "color": "000000", "rectangles": ["0 0 1 1"]}


def rule(text: str, *tags: str) -> dict[str, Any]:
    return {"name": "rule", "codename": "expression.on.tags", "tags": list(tags), "arguments": {"expr": text}}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tag", ["00100010", "00100020", "00120010", "00120042", "FFFAFFFA", "(0008,000X)"])
def test_an_instance_is_excluded_by_it(tmp_path: Path, tag: str, mode: str) -> None:
    data = ct(
        SpecificCharacterSet="ISO_IR 100",
        ClinicalTrialSponsorName="ACME",
        ClinicalTrialSubjectReadingID="R",
        DigitalSignaturesSequence=[Dataset()],
    )
    expression = "tagIsPresent(#Tag.PatientID) ? ExcludeInstance() : null"
    outcome, _ = change(data, plan(rule("null", tag), rule(expression, tag), BASIC, compatibility=mode), tmp_path)
    assert outcome == Excluded("Instance excluded by profile: rule")


@pytest.mark.parametrize("mode", MODES)
def test_something_is_added_because_of_it(tmp_path: Path, mode: str) -> None:
    chosen = plan(rule("Add(#Tag.PatientComments, #VR.LT, 'x')", "00100010"), BASIC, compatibility=mode)
    _, out = change(ct(), chosen, tmp_path)
    assert (out.PatientComments, out.PatientName) == ("x", "PSEUDO-1")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        ([], None),
        ([keep("00100020")], "P1"),
        ([rule("Replace('R')", "00100020")], "R"),
        ([rule("null", "00100020")], None),
    ],
)
def test_a_service_sees_what_the_rules_make_of_it(
    tmp_path: Path, rules: list[dict[str, Any]], seen: str | None, mode: str
) -> None:
    """Karnak writes Patient ID after all rules; until then it is what they make of it, and at first what came in."""
    asked: list[str | None] = []

    def service(_: ReplaceByAPI, values: Values, element: Element) -> str:
        asked.append(values.text(0x00100020))
        return "SAID"

    call = {"codename": "action.replace.api", "arguments": {"url": "http://x.example/", "responsePath": "/v"}}
    chosen = plan(call | {"tags": ["00080080", "00101000"]}, *rules, BASIC, compatibility=mode)
    data = ct(OtherPatientIDs="O")
    _, out = change(data, chosen, tmp_path, api=service)
    assert (out.InstitutionName, out.OtherPatientIDs) == ("SAID", "SAID")
    assert asked[:2] == ["P1", seen]


def test_a_mask_is_for_the_second_instance_as_for_the_first(tmp_path: Path) -> None:
    """The second one is walked as the first turned out: Burned In Annotation is written anew from the beginning."""
    chosen = plan(rule("Replace('YES')", "00280301"), {"codename": "clean.pixel.data"}, BASIC, masks=[MASK])
    for _ in range(3):
        outcome, out = change(ct(BurnedInAnnotation="NO"), chosen, tmp_path)
        assert isinstance(outcome, Changed)
        assert outcome.mask is not None
        assert out.BurnedInAnnotation == "NO"


@pytest.mark.parametrize("mode", MODES)
def test_the_first_of_several_patient_ids_counts(tmp_path: Path, mode: str) -> None:
    """As for its pseudonym; a second one must not move the dates elsewhere."""
    shift = {"codename": "action.on.dates", "option": "shift_range", "arguments": {"max_days": 900, "max_seconds": 9}}
    chosen = plan(shift, BASIC, compatibility=mode)
    days = [change(ct(PatientID=patient), chosen, tmp_path)[1].StudyDate for patient in ("P1", ["P1", "P2"], "P1\\")]
    assert len(set(days)) == 1
    outcome, _ = change(ct(PatientID=["", "P2"]), chosen, tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "PatientIDMissing"
