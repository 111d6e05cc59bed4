# SPDX-License-Identifier: Apache-2.0
"""The same bytes for the same instance, whatever went through the plan before and whoever looks on."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.deidentify import deidentify
from dromos_gateway.deid.hashing import hashed_uid
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.deid.plan import Plan, compile_plan
from tests.unit.deid.instances import BASIC, KEY, SHIFT, change, ct, keep, plan, save


def test_the_same_bytes_again_and_in_another_table(tmp_path: Path) -> None:
    instance = save(ct(), tmp_path / "in.dcm")
    first, second = tmp_path / "1", tmp_path / "2"
    one = deidentify(instance, first, plan(SHIFT, BASIC), "A")
    recipe = pickle.loads(pickle.dumps(plan(SHIFT, BASIC).recipe))
    compile_plan.cache_clear()
    two = deidentify(instance, second, compile_plan(recipe), "A")
    assert first.read_bytes() == second.read_bytes()
    assert one == two


def test_the_trail_shows_each_step(tmp_path: Path) -> None:
    outcome, _ = change(ct(), plan(keep("00080080"), SHIFT, BASIC), tmp_path, trail=True)
    assert isinstance(outcome, Changed)
    steps = {step.path: step for step in outcome.steps}
    assert (steps[(0x00080020,)].before, steps[(0x00080020,)].after) == ("20240102", "20240101")
    assert steps[(0x00080050,)].rule == "basic.dicom.profile"
    assert steps[(0x00100010,)].after == "PSEUDO-1"
    assert "Doe" not in repr(outcome)
    plain, _ = change(ct(), plan(keep("00080080"), SHIFT, BASIC), tmp_path)
    assert isinstance(plain, Changed)
    assert plain.digest == outcome.digest


def _slices() -> list[Dataset]:
    """Slices of the same shape that differ in what decides: creators, values, patients; some of other shapes."""
    found = []
    for number in range(24):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.{number % 5}"
        data = ct(
            SOPInstanceUID=f"1.2.3.{number}", PatientID=f"P{number % 3}", StudyDate="" if number % 4 == 1 else "20240102",
            SeriesDescription=("Scout", "Thorax")[number % 2], ReferencedImageSequence=Sequence([item] * (number % 3)),
            SliceLocation="1" * (number % 5),
        )  # fmt: skip
        data.private_block(0x0019, ("GEMS_ACQU_01", "ACME")[number // 2 % 2], create=True).add_new(0x23, "DS", "1.5")
        if number % 6 == 5:
            data.PatientComments, data.BurnedInAnnotation = "words", "NO"
        found.append(data)
    return found


_EXPRESSION = {
    "codename": "expression.on.tags",
    "tags": ["0008103E"],
    "arguments": {"expr": "stringValue == 'Scout' ? Keep() : null"},
}
_PLANS = {
    "basic": plan(),
    "rules": plan(keep("00400275"), _EXPRESSION, SHIFT, BASIC),
    "private": plan({"codename": "action.on.privatetags", "action": "K", "tags": ["(0019,xx23)"]}, BASIC),
    "options": plan(BASIC | {"arguments": {"retainSafePrivate": True, "cleanDescriptors": True}}),
    "karnak": plan(keep("(0019,XXXX)"), SHIFT, BASIC, compatibility="Karnak"),
    "morphing": plan(_EXPRESSION, SHIFT, morphing=True),
}


@pytest.mark.parametrize("chosen", _PLANS.values(), ids=_PLANS.keys())
def test_what_went_through_a_plan_before_does_not_matter(tmp_path: Path, chosen: Plan) -> None:
    target, again = tmp_path / "1", tmp_path / "2"
    slices = _slices()
    for number in (*range(24), *range(23, -1, -1)):
        instance = save(slices[number], tmp_path / "in.dcm")
        warm = deidentify(instance, target, chosen, f"PSEUDO-{number % 3}")
        cold = deidentify(instance, again, Plan(chosen.recipe, chosen.profile), f"PSEUDO-{number % 3}")
        assert warm == cold
        assert target.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("chosen", _PLANS.values(), ids=_PLANS.keys())
def test_looking_on_changes_nothing(tmp_path: Path, chosen: Plan) -> None:
    target, again = tmp_path / "1", tmp_path / "2"
    for data in _slices():
        instance = save(data, tmp_path / "in.dcm")
        plain = deidentify(instance, target, chosen, "PSEUDO-1")
        shown = deidentify(instance, again, chosen, "PSEUDO-1", trail=True)
        assert isinstance(plain, Changed)
        assert isinstance(shown, Changed)
        assert plain.digest == shown.digest
        assert shown.steps
        assert target.read_bytes() == again.read_bytes()


def test_a_private_number_may_have_another_vr_in_the_next_instance(tmp_path: Path) -> None:
    """A date of one vendor stays, shifted, with its creator; another vendor's text of the same number goes with it."""
    rule = {"codename": "action.on.dates", "option": "shift", "arguments": {"days": 3, "seconds": 0}}
    chosen = plan(rule, BASIC)
    text, date = ct(), ct()
    text.private_block(0x0009, "CREATMRK", create=True).add_new(0x01, "LO", "words")
    date.private_block(0x0009, "ACME", create=True).add_new(0x01, "DA", "20240102")
    for order in ((text, date, text), (date, text, date)):
        warm = Plan(chosen.recipe, chosen.profile)
        for data in order:
            instance = save(data, tmp_path / "in.dcm")
            deidentify(instance, tmp_path / "warm", warm, "A")
            deidentify(instance, tmp_path / "cold", Plan(chosen.recipe, chosen.profile), "A")
            assert (tmp_path / "warm").read_bytes() == (tmp_path / "cold").read_bytes()


def test_the_same_bytes_in_two_character_sets_are_two_texts(tmp_path: Path) -> None:
    """Karnak hashes the text of any VR; a UID has no character set, whatever stands in it."""
    rule = {"codename": "action.on.specific.tags", "action": "U", "tags": ["00081030", "0020000D"]}
    chosen = plan(rule, BASIC, compatibility="Karnak")
    found = []
    for sets in ("ISO_IR 100", "ISO_IR 192", "ISO_IR 100"):
        data = ct(SpecificCharacterSet=sets)
        data.add_new(0x00081030, "LO", b"\xc3\xa4")
        _, out = change(data, chosen, tmp_path)
        found.append(out.StudyDescription)
    assert found == [hashed_uid(KEY, text) for text in ("\u00c3\u00a4", "\u00e4", "\u00c3\u00a4")]


@pytest.mark.parametrize("mode", ["Strict", "Karnak"])
def test_an_earlier_key_links_again(tmp_path: Path, mode: str) -> None:
    """With another key nothing is as it was; with the earlier one all is, byte for byte."""
    rule = {"codename": "action.on.dates", "option": "shift_range", "arguments": {"max_days": 90_000, "max_seconds": 9}}
    first = plan(rule, BASIC, compatibility=mode)
    instance, target = save(ct(), tmp_path / "in.dcm"), tmp_path / "out"
    found = []
    for recipe in (first.recipe, replace(first.recipe, key=bytes(range(16))), first.recipe):
        deidentify(instance, target, compile_plan(recipe), "PSEUDO-1")
        out = dcmread(target)
        found.append((target.read_bytes(), out.PatientID, out.StudyInstanceUID, out.SOPInstanceUID, out.StudyDate))
    assert found[0] == found[2]
    assert all(one != other for one, other in zip(found[0], found[1], strict=True))
