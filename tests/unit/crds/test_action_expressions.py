# SPDX-License-Identifier: Apache-2.0
"""Expressions that answer an action, and templates."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from dromos_crds.expressions import (
    Action,
    Element,
    ExpressionFailed,
    Mistake,
    Symbol,
    Template,
    compile_action,
    compile_template,
)
from tests.unit.crds.expressing import CT, IMAGE_TYPE, MODALITY, Elements, action, condition

SEX = Element(0x00100040, "CS")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Keep()", Action(Symbol.KEEP)),
        ("Remove()", Action(Symbol.REMOVE)),
        ("ReplaceNull()", Action(Symbol.EMPTY)),
        ("Replace(null)", Action(Symbol.REPLACE)),
        ("Replace('A' + getString(#Tag.Modality))", Action(Symbol.REPLACE, "ACT")),
        ("UID()", Action(Symbol.UID)),
        ("ExcludeInstance()", Action(Symbol.EXCLUDE)),
        ("Add('(0010,1010)', #VR.AS, '030Y')", Action(Symbol.ADD, "030Y", Element(0x00101010, "AS"))),
        ("null", None),
        ("getString(#Tag.PatientName) == null ? null : Keep()", None),
        ("tagIsPresent(#Tag.PatientName) ? Keep() : null", Action(Symbol.KEEP)),  # empty is present here
        ("tagIsPresent(#Tag.PatientID) ? Keep() : null", Action(Symbol.KEEP)),  # in a sequence
        ("vr == #VR.CS && tag == #Tag.PatientSex ? Remove() : null", Action(Symbol.REMOVE)),
        ("stringValue == null ? Remove() : Keep()", Action(Symbol.REMOVE)),
    ],
)
def test_actions(text: str, wanted: Action | None) -> None:
    values = Elements(CT.texts, frozenset({0x00100020}))
    assert action(text).decide(values, SEX) == wanted


def test_string_value_is_the_first_and_get_string_all() -> None:
    first = action("Replace(stringValue)").decide(CT, Element(IMAGE_TYPE, "CS"))
    empty = Elements({IMAGE_TYPE: "\\PRIMARY"})
    assert action("stringValue == null ? Keep() : Remove()").decide(empty, Element(IMAGE_TYPE, "CS")) == Action(
        Symbol.KEEP
    )
    assert first == Action(Symbol.REPLACE, "ORIGINAL")
    assert action("Replace(stringValue)").decide(CT, Element(IMAGE_TYPE, "LT")) == Action(
        Symbol.REPLACE, "ORIGINAL\\PRIMARY"
    )
    assert action("Replace(getString(tag))").decide(CT, Element(IMAGE_TYPE, "CS")) == Action(
        Symbol.REPLACE, "ORIGINAL\\PRIMARY"
    )


def test_a_character_that_java_counts_as_two_is_not_cut() -> None:
    with pytest.raises(ExpressionFailed, match="in two"):
        condition("'😀'.substring(1) == 'a'").holds(CT)
    with pytest.raises(ExpressionFailed, match="beyond"):
        condition("'😀'.substring(3) == 'a'").holds(CT)


def test_null_where_text_is_needed_fails() -> None:
    for text in (
        "Replace(stringValue + 'x')",
        "stringValue.isEmpty() ? Keep() : null",
        "stringValue < 'a' ? Keep() : null",
    ):
        with pytest.raises(ExpressionFailed):
            action(text).decide(CT, SEX)


@pytest.mark.parametrize(
    ("born", "taken", "age"),
    [
        ("19800229", "20200228", "039Y"),
        ("19800229", "20200301", "040Y"),
        ("20190615", "20210614", "023M"),
        ("20190615", "20210615", "002Y"),
        ("20200101", "20200229", "059D"),
        ("20200101", "20200301", "002M"),
        ("20200101", "20191231", None),
        ("", "20191231", None),
        ("1980", "20191231", None),
    ],
)
def test_patient_age(born: str, taken: str, age: str | None) -> None:
    values = Elements({0x00100030: born, 0x00080023: "nonsense", 0x00080020: taken})
    assert action("ComputePatientAge()").decide(values, SEX) == Action(Symbol.REPLACE, age)


@pytest.mark.parametrize("text", ["'a'", "true", "tag", "Keep() == Keep() ? Keep() : null", "true ? Keep() : 'a'"])
def test_an_action_expression_answers_an_action(text: str) -> None:
    assert isinstance(compile_action(text), Mistake)


def test_templates() -> None:
    text = "https://x/{{getString(#Tag.StudyDescription)}}?m={{ getString(#Tag.Modality) }}&n={{getString(#Tag.PatientName)}}"
    template = compile_template(text)
    assert isinstance(template, Template)
    assert template.render(CT) == "https://x/It's a head?m=CT&n="
    encoded = template.render(CT, encode=lambda value: quote(value, safe=""))
    assert encoded == "https://x/It%27s%20a%20head?m=CT&n="
    of_element = compile_template("{{stringValue}}", of_element=True)
    assert isinstance(of_element, Template)
    assert of_element.render(CT, element=Element(MODALITY, "CS")) == "CT"


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a{{", 2),
        ("{{}}", 3),
        ("{{x}", 1),
        ("ab{{ nope }}", 6),
        ("{{stringValue}}", 3),
        ("{{true ? Keep() : null}}", 10),
    ],
)
def test_broken_templates(text: str, column: int) -> None:
    mistake = compile_template(text)
    assert isinstance(mistake, Mistake)
    assert mistake.column == column
