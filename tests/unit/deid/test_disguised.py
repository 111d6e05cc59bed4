# SPDX-License-Identifier: Apache-2.0
"""Sequences that don't look like any, elements that end nowhere, groups that belong elsewhere: gone or held, never copied."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Held
from dromos_gateway.dimse.part10 import read_head
from tests.deid.writer import Node, Style, data_set, part10
from tests.unit.deid.instances import BASIC, keep, plan

_CT = "1.2.840.10008.5.1.4.1.1.2"
_NAME: Node = (0x00100010, "PN", b"MARKER^JANE")
_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_PRIVATE_KEEP = {"codename": "action.on.privatetags", "action": "K"}


def _items(style: Style) -> bytes:
    inner = data_set([_NAME], style)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner


def _undefined(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, 0xFFFFFFFF) + value + _DELIMITER


def _changed(folder: Path, odd: bytes, *rules: Any, style: Style | None = None, **recipe: Any) -> tuple[Any, bytes]:
    """An instance with one odd element, (0008,0060) to (0020,000D) around it, and what comes of it."""
    style = style or Style()
    at = int.from_bytes(odd[:2], "little") << 16 | int.from_bytes(odd[2:4], "little")
    nodes: list[Node] = [
        (0x00080016, "UI", _CT.encode()), (0x00080018, "UI", b"1.2.3"), (0x00100020, "LO", b"P1"),
        (0x0020000D, "UI", b"1.2.3.1"), (0x0020000E, "UI", b"1.2.3.2"),
    ]  # fmt: skip
    if at >> 16 == 9:
        nodes.append((0x00090010, "LO", b"ACME"))
    before, after = ([node for node in nodes if (node[0] < at) is left] for left in (True, False))
    path, target = folder / "in.dcm", folder / "out.dcm"
    path.write_bytes(part10(_CT, "1.2.3", data_set(before, style) + odd + data_set(after, style), style))
    target.unlink(missing_ok=True)
    instance = Instance(path, read_head(path).data_set_offset, style.syntax)
    outcome = deidentify(instance, target, plan(*(rules or (BASIC,)), **recipe), "PSEUDO")
    return outcome, target.read_bytes() if target.exists() else b""


# not in the table; text and number
@pytest.mark.parametrize("tag", [0x00180015, 0x00080060, 0x00280010])
@pytest.mark.parametrize("vr", [b"UN", b"OB", b"UT", b"OW"])
@pytest.mark.parametrize("mode", ["Strict", "Karnak"])
def test_what_has_no_length_and_is_no_sequence_is_held(tmp_path: Path, tag: int, vr: bytes, mode: str) -> None:
    odd = _undefined(tag, vr, _items(Style(explicit=False)))
    outcome, _ = _changed(tmp_path, odd, compatibility=mode)
    assert isinstance(outcome, Held)
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in outcome.message


def test_and_it_is_held_in_an_item(tmp_path: Path) -> None:
    odd = _undefined(0x00180015, b"UN", _items(Style(explicit=False)))
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(odd)) + odd
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    outcome, _ = _changed(tmp_path, sequence)
    assert isinstance(outcome, Held)


@pytest.mark.parametrize(("tag", "left"), [(0x00104000, None), (0x00080090, b""), (0x00400280, None)])
@pytest.mark.parametrize("vr", [b"UN", b"UT", b"OB"])
def test_what_its_rule_takes_out_goes_whatever_it_is(tmp_path: Path, tag: int, left: bytes | None, vr: bytes) -> None:
    outcome, out = _changed(tmp_path, _undefined(tag, vr, _items(Style(explicit=False))))
    assert isinstance(outcome, Changed), outcome
    assert b"MARKER" not in out
    assert (struct.pack("<HH", tag >> 16, tag & 0xFFFF) in out) is (left is not None)


@pytest.mark.parametrize("vr", [b"OB", b"OW", b"UT", b"LO", b"LT", b"OF"])
@pytest.mark.parametrize("rules", [(BASIC,), (keep("00081115"), BASIC)], ids=["no rule", "kept"])
def test_a_sequence_with_another_vr_is_held(tmp_path: Path, vr: bytes, rules: tuple[Any, ...]) -> None:
    value = _items(Style())
    head = struct.pack("<HH2s", 0x0008, 0x1115, vr)
    head += struct.pack("<H", len(value)) if vr in (b"LO", b"LT") else struct.pack("<HI", 0, len(value))
    outcome, _ = _changed(tmp_path, head + value, *rules)
    assert isinstance(outcome, Held)
    assert "(0008,1115)" in outcome.message


def test_a_sequence_with_another_vr_goes_where_its_row_says_so(tmp_path: Path) -> None:
    value = _items(Style())
    outcome, out = _changed(tmp_path, struct.pack("<HH2sHI", 0x0010, 0x1002, b"OB", 0, len(value)) + value)
    assert isinstance(outcome, Changed)
    assert b"MARKER" not in out


@pytest.mark.parametrize("rules", [(BASIC,), (keep("00180015"), BASIC)], ids=["no rule", "kept"])
def test_items_in_what_is_no_sequence_are_held(tmp_path: Path, rules: tuple[Any, ...]) -> None:
    value = _items(Style(explicit=False))
    outcome, _ = _changed(tmp_path, struct.pack("<HH2sHI", 0x0018, 0x0015, b"UN", 0, len(value)) + value, *rules)
    assert isinstance(outcome, Held)


def test_a_value_whose_vr_was_lost_is_a_value(tmp_path: Path) -> None:
    outcome, out = _changed(tmp_path, struct.pack("<HH2sHI", 0x0018, 0x0015, b"UN", 0, 4) + b"HEAD")
    assert isinstance(outcome, Changed)
    assert b"HEAD" in out


@pytest.mark.parametrize("tag", [0x00041130, 0x00041500])
def test_what_belongs_into_a_dicomdir_goes(tmp_path: Path, tag: int) -> None:
    odd = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"CS", 6) + b"MARKER"
    outcome, out = _changed(tmp_path, odd)
    assert isinstance(outcome, Changed)
    assert b"MARKER" not in out
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(odd)) + odd
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    outcome, out = _changed(tmp_path, sequence)
    assert isinstance(outcome, Changed)
    assert b"MARKER" not in out


@pytest.mark.parametrize("tag", [0x00020013, 0x00000600])
def test_groups_of_files_and_messages_in_an_item_are_held(tmp_path: Path, tag: int) -> None:
    odd = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SH", 6) + b"MARKER"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(odd)) + odd
    outcome, _ = _changed(tmp_path, struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item)
    assert isinstance(outcome, Held)
    assert outcome.reason == "MalformedDataSet"


def test_an_element_twice_in_an_item_is_held(tmp_path: Path) -> None:
    odd = struct.pack("<HH2sH", 0x0028, 0x0301, b"CS", 4) + b"NO  "
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 2 * len(odd)) + odd * 2
    outcome, _ = _changed(tmp_path, struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item)
    assert isinstance(outcome, Held)
    assert "(0028,0301) appears twice" in outcome.message


def test_more_elements_in_an_item_than_any_object_has_are_held(tmp_path: Path) -> None:
    element = struct.pack("<I", 0)
    content = b"".join(
        struct.pack("<HH", 0x0009 + 2 * (at >> 15), 0x1000 + (at & 0x7FFF)) + element for at in range(70_000)
    )
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    style = Style(explicit=False)
    outcome, _ = _changed(tmp_path, struct.pack("<HHI", 0x0008, 0x1115, len(item)) + item, style=style)
    assert isinstance(outcome, Held)
    assert "more than 65536 elements" in outcome.message


def test_written_in_its_place_though_the_elements_are_in_no_order(tmp_path: Path) -> None:
    """Burned In Annotation stands before elements with lower numbers: what is written of a mask goes there, once."""
    odd = struct.pack("<HH2sH", 0x0028, 0x0301, b"CS", 4) + b"YES "
    odd += b"".join(struct.pack("<HH2sHH", 0x0028, number, b"US", 2, 4) for number in (0x0010, 0x0011))
    odd += struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 16) + bytes(16)
    rules = ({"codename": "clean.pixel.data"}, BASIC)
    outcome, out = _changed_with_masks(tmp_path, odd, *rules)
    assert isinstance(outcome, Changed)
    assert outcome.mask is not None
    assert out.count(b"\x28\x00\x01\x03") == 1
    assert b"\x28\x00\x01\x03CS\x02\x00NO" in out


def _changed_with_masks(folder: Path, odd: bytes, *rules: Any) -> tuple[Any, bytes]:
    return _changed(folder, odd, *rules, masks=[{"stationName": "*", "rectangles": ["0 0 4 4"]}])


@pytest.mark.parametrize("vr", [b"OB", b"OW", b"LO", b"UN"])
@pytest.mark.parametrize("big", [False, True])
def test_items_in_a_private_element_that_is_no_sequence_are_held(tmp_path: Path, vr: bytes, big: bool) -> None:
    inner = data_set([_NAME], Style(explicit=False))
    items = struct.pack(">HHI" if big else "<HHI", 0xFFFE, 0xE000, len(inner)) + inner
    odd = data_set([(0x00091001, vr.decode(), items)], Style())
    outcome, out = _changed(tmp_path, odd, _PRIVATE_KEEP, BASIC)
    if vr == b"UN" and not big:  # this one is a sequence, and its items are treated
        assert isinstance(outcome, Changed)
        assert b"MARKER" not in out
    else:
        assert isinstance(outcome, Held), outcome
        assert "(0009,1001)" in outcome.message
    assert isinstance(_changed(tmp_path, odd)[0], Changed)  # nothing keeps it


def test_items_in_bytes_that_no_rule_is_for_are_held(tmp_path: Path) -> None:
    odd = data_set([(0x00281201, "OW", _items(Style(explicit=False)))], Style())
    assert isinstance(_changed(tmp_path, odd)[0], Held)


@pytest.mark.parametrize("vr", ["LO", "LT", "PN", "SH", "UT", "UR"])
def test_texts_where_numbers_belong_are_held(tmp_path: Path, vr: str) -> None:
    outcome, _ = _changed(tmp_path, data_set([(0x00280010, vr, b"MARKER^JANE ")], Style()))
    assert isinstance(outcome, Held)
    assert "(0028,0010)" in outcome.message
    number, _ = _changed(tmp_path, data_set([(0x00280010, "IS", b"12")], Style()))
    assert isinstance(number, Changed)


@pytest.mark.parametrize("tag", [0x7F000010, 0x10000010, 0x10100004, 0x00203100, 0x00280410])
def test_groups_that_no_object_has_any_more_go(tmp_path: Path, tag: int) -> None:
    outcome, out = _changed(tmp_path, data_set([(tag, "LO", b"MARKER^JANE ")], Style()))
    assert isinstance(outcome, Changed)
    assert b"MARKER" not in out


@pytest.mark.parametrize(
    ("tag", "vr"), [(0x00080060, "UT"), (0x00180060, "LT"), (0x00180015, "UC"), (0x00180015, "ST")]
)
def test_a_code_declared_a_long_text_is_held(tmp_path: Path, tag: int, vr: str) -> None:
    outcome, _ = _changed(tmp_path, data_set([(tag, vr, b"MARKER^JANE")], Style()))
    assert isinstance(outcome, Held)
    assert "MARKER" not in outcome.message
    outcome, out = _changed(tmp_path, data_set([(tag, "CS", b"HEAD")], Style()))
    assert isinstance(outcome, Changed)
    assert b"HEAD" in out
