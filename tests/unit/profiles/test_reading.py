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
from dromos_crds.profiles.reading import read_element
from dromos_crds.profiles.rules import ActionOnDates, BasicProfile, ReplaceByAPI
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


def _dates(option: str, **arguments: Any) -> dict[str, Any]:
    return {"codename": "action.on.dates", "option": option, "arguments": arguments}


def _add(tag: str, value: Any) -> dict[str, Any]:
    return {"codename": "action.add.tag", "tags": [tag], "arguments": {"value": value}}


def _private(**arguments: Any) -> dict[str, Any]:
    return {"codename": "action.add.private.tag", "tags": ["00091001"], "arguments": arguments}


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
        (
            {"codename": "expression.on.tags", "arguments": {"expr": "Keep()"}},
            "tags: expression.on.tags needs at least",
        ),
        (
            {"codename": "action.replace.api", "arguments": {"url": "http://x/", "responsePath": "a"}},
            "tags: action.replace.api needs at least one tag",
        ),
        ({"codename": "action.add.tag", "tags": ["(0009,1001)"], "arguments": {"value": "a"}}, "is private"),
        (
            {"codename": "action.add.tag", "tags": ["(0028,0301)"]},
            'arguments.value: action.add.tag needs this argument; ""',
        ),
        (_private(vr="LO", privateCreator="ME"), "arguments.value: action.add.private.tag needs this argument"),
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
                ({"url": "http://x:99999/"}, "arguments.url: has a port"),
                ({"url": "http://x:y/"}, "arguments.url: has a port"),
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


def test_strict_refuses_what_would_be_passed_over() -> None:
    """Karnak takes it in silence: a rule that is never asked, a condition that never holds, a mask that is not drawn."""
    refused = [
        (
            {"codename": "action.on.privatetags", "action": "X", "tags": ["00100010"]},
            "tags[0]: 00100010 is not private",
        ),
        (
            {"codename": "action.on.privatetags", "action": "X", "tags": ["0010XXXX"]},
            "tags[0]: 0010XXXX is not private",
        ),
        (_dates("shift", days=1, seconds=0) | {"tags": ["00100010"]}, "tags: none has a VR that shift is for"),
        (
            _dates("date_format", remove="day") | {"tags": ["00080030"]},
            "tags: none has a VR that date_format is for, which are DA, DT",
        ),
        (BASE | {"condition": "tagIsPresent('00109999')"}, "condition: (0010,9999) is no attribute of PS3.6"),
    ]
    for element, message in refused:
        assert any(message in problem for problem in problems_of(element)), problems_of(element)
        assert problems_of(element, strict=False) == []
    twice = problems_of({"codename": "clean.pixel.data"}, {"codename": "clean.pixel.data"}, BASE)
    assert [problem.split(":")[0] for problem in twice] == ["profileElements[1].codename"]
    fine = [{"codename": "action.on.privatetags", "action": "X", "tags": ["00XXXXXX"]},
            _dates("shift", days=1, seconds=0) | {"tags": ["0008XXXX", "00091001"]},
            _dates("shift", days=1, seconds=0) | {"tags": ["00100010", "00080020"]},
            BASE | {"condition": "tagIsPresent('00091001') || tagIsPresent('60000010')"}]  # fmt: skip
    assert [problems_of(element) for element in fine] == [[], [], [], []]


def test_two_masks_for_the_same_images_are_refused() -> None:
    mask = {"stationName": "US1", "imageWidth": 8, "imageHeight": 6, "rectangles": ["0 0 1 1"]}
    other = mask | {"imageWidth": 9}
    less = mask | {"rectangles": ["0 4 1 1"]}
    given = {"profileElements": [{"codename": "clean.pixel.data"}, BASE], "masks": [mask, other, less]}
    _, problems = read_profile(Profile.model_validate(given))
    assert [str(problem).split(" which")[0] for problem in problems] == [
        "masks[2]: is for the same images as masks[0],"
    ]
    assert read_profile(Profile.model_validate(given), strict=False)[0] is not None
    again = given | {"masks": [mask, mask, mask | {"rectangles": ["0 4 1 1", "0 0 1 1"]}]}  # nothing is left out
    assert read_profile(Profile.model_validate(again))[1] == ()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("element", "message"),
    [
        (_add("00280010", 70000), "arguments.value: is no number that VR US can have"),
        (_add("00280010", "two"), "arguments.value: is no number that VR US can have"),
        (_add("00189351", "1e300"), "arguments.value: is no number that VR FL can have"),
        (_private(vr="SL", value="x", privateCreator="ME"), "arguments.value: is no number that VR SL can have"),
    ],
)
def test_a_number_that_is_none_would_hold_each_instance(element: dict[str, Any], message: str, *, strict: bool) -> None:
    assert any(message in problem for problem in problems_of(element, strict=strict))


@pytest.mark.parametrize(("given", "default"), [({}, None), ({"defaultValue": ""}, ""), ({"defaultValue": 7}, "7")])
def test_a_default_may_be_empty(given: dict[str, Any], default: str | None) -> None:
    """Karnak empties the element then; without a default the instance is held."""
    arguments = {"url": "http://x/", "responsePath": "a"} | given
    rule, problems = read_element(0, {"codename": "action.replace.api", "tags": ["00104000"], "arguments": arguments})
    assert isinstance(rule, ReplaceByAPI), problems
    assert rule.call is not None
    assert rule.call.default == default


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


def _tags(*tags: str, excluded: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"codename": "action.on.specific.tags", "action": "X", "tags": list(tags), "excludedTags": list(excluded)}


@pytest.mark.parametrize(
    ("element", "where"),
    [
        (_dates("shift", days=0, seconds=0), "arguments: a shift by 0"),
        (_dates("shift", days=0, seconds=86400), "arguments: a shift by 0"),
        (_dates("shift_range", max_days=0, max_seconds=0), "arguments: a range of 0"),
        (_dates("shift_range", max_days=1, max_seconds=1), "arguments: a range of 0"),
        (_dates("shift_by_tag"), "arguments: without days_tag"),
        (_tags("00020010"), "tags[0]: 00020010 is in no data set"),
        (_tags("00100020", "00041130"), "tags[1]: 00041130 is in no data set"),
        (_tags("00090000"), "tags[0]: 00090000 is in no data set"),
        (_tags("00090101"), "tags[0]: 00090101 is in no data set"),
        (_tags("(0010,XXXX)", excluded=("FFFEE000",)), "excludedTags[0]: FFFEE000 is in no data set"),
        (_tags("00100020", excluded=("(0010,XXXX)",)), "tags[0]: 00100020 is one of excludedTags"),
        (_add("00080022", "yesterday"), "arguments.value: is no value that VR DA can have"),
        (_add("00080022", "20241301"), "arguments.value"),
        (_add("00080032", "2561"), "arguments.value"),
        (_add("00101010", "43"), "arguments.value"),
        (_add("00200013", "one"), "arguments.value"),
        (_add("00200052", "1.2.x"), "arguments.value"),
        (_add("00080050", "more than sixteen characters"), "arguments.value"),
        (_add("00041130", "SET"), "tags[0]: is in no data set"),
        (_add("00080005", "ISO_IR 192"), "tags[0]: says how the other texts are written"),
        (_tags("00100020", "(0008,0005)"), "tags[1]: (0008,0005) says how the other texts are written"),
        (_private(vr="DA", value="soon", privateCreator="ME"), "arguments.value"),
        (_private(vr="LO", value="v", privateCreator="A\\B"), "arguments.privateCreator"),
        (_private(vr="LO", value="v", privateCreator="A" * 65), "arguments.privateCreator"),
    ],
)
def test_strict_refuses_what_does_nothing_or_breaks(element: dict[str, Any], where: str) -> None:
    assert [problem for problem in problems_of(element) if where in problem] != []
    assert problems_of(element, strict=False) == []


@pytest.mark.parametrize(
    "element",
    [
        {"codename": "action.on.specific.tags", "action": "X/Z/D", "tags": ["(0010,XXXX)"]},
        {"codename": "action.on.privatetags", "action": "X/Z"},
        {"codename": "action.on.specific.tags", "action": "K", "tags": ["00080005"]},
        _dates("shift", days=0, seconds=1),
        _dates("shift", days=-3, seconds=0),
        _dates("shift_range", max_days=2, max_seconds=0),
        _dates("shift_range", max_days=5, min_days=5, max_seconds=0),
        _dates("shift_by_tag", seconds_tag="(0015,1010)"),
        _tags("00090010", "00091001", "(50XX,XXXX)", "( 0010 , 0010 )", "60xx3000"),
        _add("00080022", "20240102"),
        _add("0008002A", "202401021530+0100"),
        _add("0008002A", "2024"),
        _add("00080032", "1530"),
        _add("00200052", "1.2.3"),
        _add("00280010", 512),
        _add("00200037", "1\\0\\0\\0\\1\\0"),
        _add("00189351", "1.5e3"),
        _add("00104000", "any\ntext"),
        _private(vr="FD", value="1e300", privateCreator="ME"),
    ],
)
def test_strict_takes_what_does_something(element: dict[str, Any]) -> None:
    assert problems_of(element) == []


@pytest.mark.parametrize(
    ("add", "problem"),
    [
        ("Add(#Tag.Rows, #VR.LO, 'x')", "has VR US, not LO"),
        ("Add(#Tag.PatientName, #VR.LO, 'x')", "has VR PN, not LO"),
        ("Add('(0009,1001)', #VR.LO, 'x')", "is private"),
        ("Add(#Tag.ReferencedStudySequence, #VR.SQ, 'x')", "no value that can be written"),
        ("Add('(0008,0000)', #VR.UL, '1')", "is no attribute of a data set"),
        ("Add(#Tag.FileSetID, #VR.CS, 'x')", "is no attribute of a data set"),
        ("Add(#Tag.SpecificCharacterSet, #VR.CS, 'ISO_IR 192')", "says how the other texts are written"),
    ],
)
def test_an_add_whose_vr_does_not_fit_is_refused(add: str, problem: str) -> None:
    element = {"codename": "expression.on.tags", "tags": ["00280010"], "arguments": {"expr": add}}
    assert any(problem in found for found in problems_of(element)), problems_of(element)
    assert any(problem in found for found in problems_of(element, strict=False))


@pytest.mark.parametrize("vr", ["LT", "AE", "UV"])
def test_every_vr_has_its_name_in_expressions(vr: str) -> None:
    """LT is less-than elsewhere."""
    element = {
        "codename": "expression.on.tags",
        "tags": ["00104000"],
        "arguments": {"expr": f"vr == #VR.{vr} ? Remove() : (1 lt 2 ? null : Keep())"},
    }
    assert problems_of(element) == []
