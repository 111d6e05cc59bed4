# SPDX-License-Identifier: Apache-2.0
"""Profiles: what is refused and where, files with unquoted scalars, what Strict asks for."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_crds import reasons
from dromos_crds.profile import Profile
from dromos_crds.profiles import read_profile, read_profile_file
from dromos_crds.profiles.attributes import pattern_problem
from dromos_crds.profiles.confidentiality import Option, row_of, rows
from dromos_crds.profiles.rules import ActionOnDates, BasicProfile
from dromos_crds.tags import parse_pattern

BASE = {"codename": "basic.dicom.profile"}
FILE = """
name: demo
version: 1
minimumKarnakVersion: 1.0
defaultIssuerOfPatientID:
profileElements:
  - name: ages
    codename: action.on.dates
    condition:
    option: shift_range
    arguments: {max_days: 200, max_seconds: 1000}
    tags: ["(0008,002X)", "0010,1010"]
  - {name: 12, codename: action.on.specific.tags, action: K, tags: [00081010]}
  - {name: base, codename: basic.dicom.profile}
masks:
  - {stationName: "*", color: 000000, rectangles: [0 0 300 40]}
"""


def problems_of(*elements: dict[str, Any], strict: bool = True) -> list[str]:
    profile = Profile.model_validate({"profileElements": elements})
    return [str(problem) for problem in read_profile(profile, strict=strict)[1]]


def test_the_basic_profile_stands_once() -> None:
    """Whose options hold, and what is written of them, would depend on a condition."""
    conditional = {**BASE, "condition": "tagValueIsPresent(#Tag.Modality, 'MR')"}
    (problem,) = problems_of(conditional, BASE)
    assert problem.startswith("profileElements[1].codename")
    assert problems_of(conditional, BASE, strict=False) == []


def test_a_file_with_unquoted_tags_and_colours() -> None:
    profile, problems = read_profile_file(FILE)
    assert problems == ()
    assert profile is not None
    checked, problems = read_profile(profile)
    assert problems == ()
    assert checked is not None
    dates, keep, base = checked.rules
    assert isinstance(dates, ActionOnDates)
    assert (dates.days, dates.seconds) == (200, 1000)
    assert dates.selection.has(0x00080020)
    assert dates.selection.has(0x00101010)
    assert keep.name == "12"
    assert isinstance(base, BasicProfile)
    assert checked.complete
    assert checked.masks[0].rectangles[0].width == 300


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"codename": "nothing.like.it"}, "profileElements[0].codename: unknown codename"),
        ({"codename": "action.on.date"}, "did you mean action.on.dates?"),
        ({"codename": "clean.recognizable.visual.features"}, "comes later"),
        ({"codename": "action.on.dates"}, "profileElements[0].option"),
        ({"codename": "action.on.dates", "option": "shifty"}, "did you mean shift?"),
        ({"codename": "action.on.dates", "option": "shift", "arguments": {"days": 1}}, "arguments.seconds"),
        (
            {"codename": "action.on.dates", "option": "shift", "arguments": {"days": "1.5", "seconds": 0}},
            "arguments.days: is no whole number",
        ),
        (
            {"codename": "action.on.dates", "option": "shift", "arguments": {"day": 1, "days": 1, "seconds": 0}},
            "arguments.day: action.on.dates has no such argument; did you mean days?",
        ),
        (
            {
                "codename": "action.on.dates",
                "option": "shift_range",
                "arguments": {"max_days": 1, "min_days": 2, "max_seconds": 0},
            },
            "is greater than max_days",
        ),
        ({"codename": "action.on.dates", "option": "shift_by_tag", "arguments": {}}, "dates would go out as they are"),
        (
            {"codename": "action.on.specific.tags", "action": "X", "tags": ["(0010,0011)"]},
            "tags[0]: (0010,0011) is no attribute",
        ),
        ({"codename": "action.on.specific.tags", "action": "X", "tags": ["PatientNam"]}, "did you mean PatientName?"),
        ({"codename": "action.on.specific.tags", "action": "X", "tags": ["(0001,0010)"]}, "nor private"),
        ({"codename": "action.on.specific.tags", "action": "X", "tags": ["(0006,XXXX)"]}, "matches no attribute"),
        (
            {"codename": "action.on.specific.tags", "action": "Y", "tags": ["00100010"]},
            "is none of K, X, Z, U, D, DDum",
        ),
        ({"codename": "action.on.specific.tags", "action": "X"}, "needs at least one tag"),
        (
            {"codename": "action.on.specific.tags", "action": "X", "tags": ["00100010"], "excludedTags": ["1"]},
            "excludedTags[0]",
        ),
        (
            {"codename": "action.on.specific.tags", "action": "X", "option": "shift", "tags": ["00100010"]},
            "takes no option",
        ),
        ({**BASE, "tags": ["00100010"]}, "basic.dicom.profile takes no tags"),
        ({**BASE, "arguments": {"retainUID": True}}, "did you mean retainUIDs?"),
        ({**BASE, "arguments": {"retainUIDs": "maybe"}}, "is true or false"),
        ({**BASE, "arguments": {"retainFullDates": True, "retainModifiedDates": "true"}}, "exclude each other"),
        ({**BASE, "condition": "tagIsPresent("}, "profileElements[0].condition: line 1"),
        (
            {"codename": "expression.on.tags", "arguments": {"expr": "getString(#Tag.PatientID)"}},
            "an action such as Keep()",
        ),
        ({"codename": "expression.on.tags", "arguments": {"expr": "Keep("}}, "arguments.expr: line 1"),
        ({"codename": "action.add.tag", "tags": ["(0009,1001)"], "arguments": {"value": "a"}}, "is private"),
        ({"codename": "action.add.tag", "tags": ["(0010,XXXX)"], "arguments": {"value": "a"}}, "one tag is needed"),
        (
            {"codename": "action.add.tag", "tags": ["(7FE0,0010)"], "arguments": {"value": "a"}},
            "no value that can be written",
        ),
        (
            {"codename": "action.add.private.tag", "tags": ["00100010"], "arguments": {"value": "a", "vr": "LO"}},
            "is not private",
        ),
        (
            {"codename": "action.add.private.tag", "tags": ["00091001"], "arguments": {"value": "a", "vr": "XY"}},
            "arguments.vr",
        ),
        ({"codename": "action.replace.api", "arguments": {"url": "http://x"}}, "arguments.responsePath"),
        (
            {"codename": "action.replace.api", "arguments": {"url": "http://x/{{(}}", "responsePath": "a"}},
            "arguments.url",
        ),
        (
            {"codename": "action.replace.api", "arguments": {"url": "http://x", "responsePath": "a", "method": "post"}},
            "arguments.body",
        ),
        *(
            ({"codename": "action.replace.api", "arguments": {"url": "http://x", "responsePath": "a"} | more}, where)
            for more, where in (
                ({"url": "ftp://x/a"}, "arguments.url: begins with http"),
                ({"url": "http://{{getString(#Tag.PatientID)}}/"}, "arguments.url: begins with http"),
                ({"url": "http://user:pw@x/"}, "arguments.url: begins with http"),
                ({"url": "http://x/{{nothing}}"}, "arguments.url"),
                ({"method": "put"}, "arguments.method: is GET or POST"),
                ({"body": "{}"}, "arguments.body: goes with method POST"),
                ({"method": "post", "body": "{{"}, "arguments.body"),
                ({"responsePath": "/a~2"}, "arguments.responsePath: is not a JSON pointer"),
                ({"url": "", "responsePath": "/a~2"}, "arguments.url: action.replace.api needs"),
                ({"url": "", "responsePath": "/a~2"}, "arguments.responsePath: is not a JSON pointer"),
            )
        ),
        ({"codename": "clean.pixel.data", "arguments": {"automaticMasksGeneration": True}}, "give them in the profile"),
    ],
)
def test_refused_with_the_path(element: dict[str, Any], message: str) -> None:
    assert any(message in problem for problem in problems_of(element)), problems_of(element)


def test_karnak_lets_a_shift_without_tags_be() -> None:
    assert problems_of({"codename": "action.on.dates", "option": "shift_by_tag"}, strict=False) == []


def test_masks_that_mean_nothing() -> None:
    profile = Profile.model_validate(
        {"profileElements": [BASE], "masks": [{"stationName": "*", "rectangles": ["1 2 3"]}]}
    )
    assert [problem.path for problem in read_profile(profile)[1]] == ["masks[0].rectangles[0]"]


@pytest.mark.parametrize(
    ("elements", "complete"),
    [
        ([BASE], True),
        ([BASE, {"codename": "clean.pixel.data"}], True),
        ([BASE, {"codename": "replace.uid"}], False),
        ([{**BASE, "condition": "true"}], False),
        ([{"codename": "replace.uid"}], False),
    ],
)
def test_what_strict_calls_complete(elements: list[dict[str, Any]], complete: bool) -> None:
    checked, problems = read_profile(Profile.model_validate({"profileElements": elements}))
    assert problems == ()
    assert checked is not None
    assert checked.complete is complete


@pytest.mark.parametrize("text", ["name: [", "- a", "", "profileElements: [{codename: x, nonsense: 1}]"])
def test_files_that_are_no_profile(text: str) -> None:
    profile, problems = read_profile_file(text)
    assert profile is None
    assert problems


def test_options_combine_cleaning_before_keeping() -> None:
    calibration, allergies = row_of(0x00181200), row_of(0x00102110)
    assert calibration is not None
    assert allergies is not None
    assert calibration.action(frozenset()) == ("X", None)
    assert calibration.action(frozenset((Option.RETAIN_DEVICE,)))[0] == "K"
    assert calibration.action(frozenset((Option.RETAIN_DEVICE, Option.RETAIN_MODIFIED_DATES))) == (
        "C",
        Option.RETAIN_MODIFIED_DATES,
    )
    assert allergies.action(frozenset((Option.RETAIN_PATIENT_CHARACTERISTICS,)))[0] == "C"


def test_the_whole_table_is_there() -> None:
    assert len(rows()) == 617
    assert row_of(0x60023000) is not None
    assert row_of(0x50120030) is not None
    assert row_of(0x00091001) is not None
    assert row_of(0x00080016) is None


@pytest.mark.parametrize(
    "text",
    ["(0010,0010)", "0010,0010", "00100010", "PatientName", "( 0010 , 0010 )", "(60xx,3000)", "60023000", "7053xx00"],
)
def test_tags_that_exist(text: str) -> None:
    assert pattern_problem(text) is None
    assert parse_pattern("0010XXXX") is not None


def test_reasons_are_said() -> None:
    _, problems = read_profile(
        Profile.model_validate({"profileElements": [{"codename": "clean.recognizable.visual.features"}]})
    )
    assert problems[0].reason == reasons.NOT_SUPPORTED
