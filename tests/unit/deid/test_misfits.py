# SPDX-License-Identifier: Apache-2.0
"""New values that an element's VR can't have: Strict holds the instance, and says which rule; never what the value was."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag

from dromos_gateway.deid.outcomes import Changed, Held
from tests.unit.deid.instances import BASIC, change, ct, plan

SERVICE = {
    "name": "ask",
    "codename": "action.replace.api",
    "arguments": {"url": "http://x.example/", "responsePath": "/v"},
}
MISFITS = {
    "UI": ("0020000D", "SECRET one"),
    "UI of zeros": ("0020000D", "1.02.3"),
    "UI that is long": ("0020000D", "1." + "2" * 63),
    "DA": ("00080020", "2024-01-02"),
    "TM": ("00080030", "10:15"),
    "DT": ("0008002A", "yesterday"),
    "AS": ("00101010", "45Y"),
    "CS": ("00100040", "secret"),
    "DS": ("00101030", "0.12345678901234567"),
    "IS": ("00200013", "1.5"),
    "LO": ("00081030", "x" * 65),
    "LO of lines": ("00081030", "SEC\nRET"),
    "SH": ("00080050", "x" * 17),
    "ST": ("00080081", "x" * 1025),
    "PN": ("00080090", "A=B=C=D"),
    "US": ("00280010", "SECRET"),
    "US out of range": ("00280010", "65536"),
    "OB": ("00282000", "SECRET"),
    "UR": ("00081190", "http://x.example/a b"),
}


@pytest.mark.parametrize(("tag", "text"), MISFITS.values(), ids=MISFITS.keys())
def test_what_does_not_fit_is_held(tmp_path: Path, tag: str, text: str) -> None:
    data = ct()
    if Tag(tag) not in data:
        data.add_new(Tag(tag), dictionary_VR(tag), None)
    outcome, _ = change(data, plan(SERVICE | {"tags": [tag]}, BASIC), tmp_path, api=lambda *_: text)
    assert isinstance(outcome, Held)
    assert outcome.reason == "ActionFailed"
    assert "rule 'ask': the new value of" in outcome.message
    assert "SEC" not in outcome.message


def test_an_expression_is_looked_at_as_a_service_is(tmp_path: Path) -> None:
    expression = {"name": "rule", "codename": "expression.on.tags", "tags": ["00080020"]}
    for text, fits in (("getString(#Tag.StudyID)", False), ("getString(#Tag.PatientBirthDate)", True), ("''", True)):
        chosen = plan(expression | {"arguments": {"expr": f"Replace({text})"}}, BASIC)
        outcome, _ = change(ct(StudyID="SECRET"), chosen, tmp_path)
        assert isinstance(outcome, Changed) is fits
        assert "SECRET" not in repr(outcome)


def test_what_fits_is_written(tmp_path: Path) -> None:
    texts = {"00080020": "20240229", "00081030": "a\\b", "00104000": "a\\b\nc", "00280010": "7", "0020000D": "1.2.0"}
    for tag, text in texts.items():
        data = ct(PatientComments="c", StudyDescription="d")
        outcome, out = change(data, plan(SERVICE | {"tags": [tag]}, BASIC), tmp_path, api=lambda *_, said=text: said)
        assert isinstance(outcome, Changed)
        value = out[Tag(tag)].value
        assert (str(value) if isinstance(value, str | int) else "\\".join(value)) == text
