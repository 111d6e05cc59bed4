# SPDX-License-Identifier: Apache-2.0
"""Masks: when they are drawn, and what the header says of them."""

from __future__ import annotations

from pathlib import Path

from dromos_gateway.deid.outcomes import Changed, Held
from tests.unit.deid.instances import BASIC, change, codes, ct, plan, save


def test_masks_are_decided_on_changed_tags_too(tmp_path: Path) -> None:
    says = {"codename": "expression.on.tags", "tags": ["00280301"], "arguments": {"expr": "Replace('YES')"}}
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    data = ct(BurnedInAnnotation="NO")
    outcome, out = change(data, plan(says, pixels, BASIC, masks=masks), tmp_path)
    assert isinstance(outcome, Changed)
    assert outcome.mask is not None
    assert codes(out) == ["113101", "113100"]
    outcome, _ = change(data, plan(pixels, BASIC, masks=masks), tmp_path)
    assert isinstance(outcome, Changed)
    assert outcome.mask is None
    other = [{"stationName": "OTHER", "rectangles": ["0 0 1 1"]}]
    outcome, _ = change(data, plan(says, pixels, BASIC, masks=other), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NoMatchingMask"


def test_a_rule_that_adds_burned_in_annotation_is_believed(tmp_path: Path) -> None:
    adds = [
        {"codename": "action.add.tag", "tags": ["00280301"], "arguments": {"value": "YES"}},
        {
            "codename": "expression.on.tags",
            "tags": ["00080060"],
            "arguments": {"expr": "Add(#Tag.BurnedInAnnotation, #VR.CS, 'YES')"},
        },
    ]
    for rule in adds:
        pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
        outcome, _out = change(ct(BitsAllocated=16, PixelData=b"12"), plan(rule, pixels, BASIC, masks=masks), tmp_path)
        assert isinstance(outcome, Changed)
        assert outcome.mask is not None, rule["codename"]
        outcome, _ = change(ct(BitsAllocated=16, PixelData=b"12"), plan(rule, BASIC), tmp_path)
        assert isinstance(outcome, Held), "without a mask it may not go"


def test_a_masked_image_says_that_nothing_is_burned_in(tmp_path: Path) -> None:
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    for said in ("YES", ""):
        data = ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", BurnedInAnnotation=said)
        outcome, out = change(data, plan(pixels, BASIC, masks=masks), tmp_path)
        assert isinstance(outcome, Changed)
        assert (outcome.mask is not None, out.BurnedInAnnotation) == (True, "NO")


def test_the_station_that_a_rule_names_has_its_mask_in_strict_and_the_received_one_in_karnak(tmp_path: Path) -> None:
    rename = {"codename": "expression.on.tags", "tags": ["00081010"], "arguments": {"expr": "Replace('ROOM7')"}}
    pixels = {"codename": "clean.pixel.data"}
    boxes = {"*": "0 0 1 1", "US1": "0 0 1 2", "ROOM7": "0 0 2 2"}
    masks = [{"stationName": name, "rectangles": [box]} for name, box in boxes.items()]
    data = ct(StationName="US1", BurnedInAnnotation="YES")
    for rules, compatibility, station in (
        ((rename, pixels, BASIC), "Strict", "ROOM7"),
        ((rename, pixels, BASIC), "Karnak", "US1"),
        ((pixels, BASIC), "Strict", "US1"),  # which the basic profile removes: its mask is its own all the same
        ((pixels, BASIC), "Karnak", "US1"),
    ):
        outcome, _ = change(data, plan(*rules, masks=masks, compatibility=compatibility), tmp_path)
        assert isinstance(outcome, Changed)
        assert outcome.mask is not None
        assert outcome.mask.station_name == station
    outcome, _ = change(data, plan(rename, pixels, BASIC, masks=masks[:2]), tmp_path)
    assert isinstance(outcome, Changed)
    assert outcome.mask is not None
    assert outcome.mask.station_name == "US1", "a new name that no mask has does not widen the mask to any station's"


def test_karnak_decides_on_received_tags(tmp_path: Path) -> None:
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    for received, said, masked in (("NO", "YES", False), ("YES", "NO", True)):
        rule = {"codename": "expression.on.tags", "tags": ["00280301"], "arguments": {"expr": f"Replace('{said}')"}}
        outcome, _ = change(
            ct(BurnedInAnnotation=received),
            plan(rule, pixels, BASIC, masks=masks, compatibility="Karnak"),
            tmp_path,
        )
        assert isinstance(outcome, Changed)
        assert (outcome.mask is not None) is masked


def test_a_profile_without_masks_holds_what_may_show_text_unless_it_is_karnaks(tmp_path: Path) -> None:
    pixels, echo = {"codename": "clean.pixel.data"}, "1.2.840.10008.5.1.4.1.1.6.1"
    outcome, _ = change(ct(SOPClassUID=echo), plan(pixels, BASIC), tmp_path)
    assert isinstance(outcome, Held)
    assert outcome.reason == "NoMatchingMask"
    outcome, _ = change(ct(SOPClassUID=echo), plan(pixels, BASIC, compatibility="Karnak"), tmp_path)
    assert isinstance(outcome, Changed)
    outcome, _ = change(ct(), plan(pixels, BASIC), tmp_path)
    assert isinstance(outcome, Changed), "a CT that says nothing of text needs no mask"


def test_pixels_that_are_at_another_place_are_held(tmp_path: Path) -> None:
    """JPIP: nothing can be drawn on them, and whoever gets the address gets them as they are."""
    pixels, masks = {"codename": "clean.pixel.data"}, [{"stationName": "*", "rectangles": ["0 0 1 1"]}]
    for said, verdict in (("YES", Held), ("NO", Changed)):
        data = ct(BurnedInAnnotation=said, PixelDataProviderURL="https://pacs.example/1")
        instance = save(data, tmp_path / "jpip.dcm", pixels=False)
        outcome, _ = change(instance, plan(pixels, BASIC, masks=masks), tmp_path)
        assert isinstance(outcome, verdict)
        assert isinstance(outcome, Changed) or outcome.reason == "PixelsCannotBeMasked"
