# SPDX-License-Identifier: Apache-2.0
"""What a profile may say, the basic profile's table, and project keys."""

from __future__ import annotations

from typing import Any

from dromos_crds.profiles.confidentiality import row_of
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.reading import read_element
from dromos_crds.profiles.rules import ActionOnTags, Rule
from tests.unit.karnak import Given
from tests.unit.karnak.datasets import tag_of


def element_of(given: Given, codename: str) -> tuple[Rule | None, list[ProfileProblem]]:
    """A vector's fields as a profile element."""
    fields = ("codename", "action", "option", "arguments", "tags", "excludedTags")
    element: dict[str, Any] = {"codename": codename} | {key: given[key] for key in fields if given.get(key) is not None}
    return read_element(0, element)


def _validated(codename: str | None = None) -> Any:
    def check(given: Given, expected: Given) -> None:
        rule, problems = element_of(given, codename or given["codename"])
        if expected.get("result") == "ok":
            assert rule is not None, problems
            return
        assert rule is None
        assert problems
        if "mentioning the codename" in expected.get("result", ""):
            assert given["codename"] in problems[0].message

    return check


def _dates_validated(option: str) -> Any:
    def check(given: Given, expected: Given) -> None:
        rule, problems = element_of({"option": option} | dict(given), "action.on.dates")
        if "error" not in expected:
            assert rule is not None, problems
            return
        assert rule is None
        assert any(problem.path.startswith("profileElements[0].arguments") for problem in problems)

    return check


def _selected(codename: str) -> Any:
    def check(given: Given, expected: Given) -> None:
        rule, problems = element_of(given, codename)
        assert isinstance(rule, ActionOnTags), problems
        tag = tag_of(given["tag"])
        chosen = rule.selection.has(tag) and (not rule.private_only or bool(tag >> 16 & 1))
        assert (rule.action if chosen else None) == expected["action"]

    return check


def _basic(given: Given, expected: Given) -> None:
    assert (row_of(tag_of(given["tag"])) is not None) is expected["has_action"]


AREAS = {
    "profile.validate": _validated(),
    "profile.validate.action_tags": _validated(),
    "profile.validate.dates": _validated(),
    "profile.validate.private_tags": _validated(),
    "expression.validate": _validated(),
    "date.shift.validate": _dates_validated("shift"),
    "date.shift_range.validate": _dates_validated("shift_range"),
    "date.format.validate": _dates_validated("date_format"),
    "select.action_tags": _selected("action.on.specific.tags"),
    "select.private_tags": _selected("action.on.privatetags"),
    "basic_profile": _basic,
}
