# SPDX-License-Identifier: Apache-2.0
"""Conditions, action expressions and templates."""

from __future__ import annotations

from dromos_crds.expressions import (
    ActionExpression,
    Condition,
    Element,
    Mistake,
    Template,
    compile_action,
    compile_condition,
    compile_template,
)
from tests.unit.karnak import Given
from tests.unit.karnak.datasets import VectorValues, tag_of


def _condition(given: Given, expected: Given) -> None:
    condition = compile_condition(given["expression"])
    assert isinstance(condition, Condition), condition
    assert condition.holds(VectorValues(given["dataset"])) is expected["bool"]


def _invalid_condition(given: Given, expected: Given) -> None:
    assert expected["validate"].startswith("invalid")
    mistake = compile_condition(given["expression"])
    assert isinstance(mistake, Mistake)
    assert mistake.message


def _action(given: Given, expected: Given) -> None:
    expression = compile_action(given["expression"])
    assert isinstance(expression, ActionExpression), expression
    action = expression.decide(VectorValues(given["dataset"]), Element(tag_of(given["tag"]), given["vr"]))
    assert (action and action.symbol) == expected["action_symbol"]
    assert (action and action.value) == expected.get("value")


def _value(given: Given, expected: Given) -> None:
    template = compile_template(f"{{{{{given['expression']}}}}}")
    assert isinstance(template, Template), template
    (wanted,) = expected.values()
    shown = {True: "true", False: "false", None: ""}.get(wanted, wanted)
    assert template.render(VectorValues(given["dataset"])) == shown


def _template(given: Given, expected: Given) -> None:
    template = compile_template(given["template"])
    assert isinstance(template, Template), template
    assert template.render(VectorValues(given["dataset"])) == expected["text"]


AREAS = {
    "condition": _condition,
    "condition.invalid": _invalid_condition,
    "expression.action": _action,
    "expression.value": _value,
    "api.template": _template,
}
