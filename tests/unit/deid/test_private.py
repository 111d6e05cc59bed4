# SPDX-License-Identifier: Apache-2.0
"""Private elements: which stay, and with them their creators."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_gateway.deid.safe_private import is_safe
from tests.unit.deid.instances import BASIC, change, codes, ct, plan


def test_a_kept_private_element_keeps_its_creator_only(tmp_path: Path) -> None:
    data = ct()
    for group in (0x0009, 0x7053):
        block = data.private_block(group, f"CREATOR {group:04X}", create=True)
        block.add_new(0x00, "DS", "1.5")
        block.add_new(0x01, "LO", "text")
    rule = {"codename": "action.on.privatetags", "action": "K", "tags": ["(7053,xx00)"]}
    _, out = change(data, plan(rule, BASIC), tmp_path)
    assert [int(element.tag) for element in out if element.tag.is_private] == [0x70530010, 0x70531000]
    assert codes(out) == ["113111", "113100"]


def test_safe_private_elements(tmp_path: Path) -> None:
    data = ct()
    data.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x23, "DS", "1.5")
    data.private_block(0x0019, "GEMS_ACQU_01").add_new(0x33, "LO", "who knows")
    data.private_block(0x0021, "ACME", create=True).add_new(0x23, "DS", "1.5")
    _, out = change(data, plan(BASIC | {"arguments": {"retainSafePrivate": True}}), tmp_path)
    assert [int(element.tag) for element in out if element.tag.is_private] == [0x00190010, 0x00191023]
    assert codes(out) == ["113100", "113111"]


def test_private_sequences_that_nobody_knows_are_looked_into(tmp_path: Path) -> None:
    inner = b"\x10\x00\x10\x00\x08\x00\x00\x00Doe^Jane"
    data = ct()
    data.private_block(0x0009, "ACME", create=True).add_new(0x01, "UN", b"\xfe\xff\x00\xe0\x10\x00\x00\x00" + inner)
    rule = {"codename": "action.on.privatetags", "action": "K"}
    _, out = change(data, plan(rule, BASIC), tmp_path)
    assert b"Doe" not in (tmp_path / "out.dcm").read_bytes()
    assert (0x0009, 0x1001) in out


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "value", "safe"),
    [
        ("GEMS_ACQU_01", 0x00191023, "DS", b"1.5", True),
        ("GEMS_ACQU_01", 0x00191023, "DS", b"1.5\\19700203", False),
        ("GEMS_ACQU_01", 0x0019109E, "LO", b"EFGRE3D", True),
        ("GEMS_ACQU_01", 0x0019109E, "LO", b"JOHN DOE", False),
        ("GEMS_ACQU_01", 0x0019109E, "LO", b"Doe_19700203", False),
        ("GEMS_PARM_01", 0x00431027, "SH", b"0.562:1", True),
        ("GEMS_PARM_01", 0x00431027, "SH", b"1970.02.03", False),
        ("GEMS_PARM_01", 0x00431039, "IS", b"1000\\8\\0\\0", True),
        ("GEMS_PARM_01", 0x00431039, "IS", b"1000", False),
        ("GEMS_PARM_01", 0x0043106F, "DS", b"1\\2\\3", True),
        ("ELSCINT1", 0x01F11001, "CS", b"HELIX ", True),
        ("ELSCINT1", 0x01F11001, "CS", b"JOHN DOE", False),
        ("Philips Imaging DD 001", 0x20011003, "FL", b"\0\0\x80\x3f", True),
        ("Philips Imaging DD 001", 0x20011003, "FL", b"JOHN DOE", False),
        ("Philips Imaging DD 001", 0x20011004, "CS", b"DOE ", False),
        ("SIEMENS MR HEADER", 0x0019100D, "CS", b"DIRECTIONAL ", True),
        ("SIEMENS MR HEADER", 0x0019100E, "FD", bytes(24), True),
        ("SIEMENS MR HEADER", 0x0019100E, "FD", bytes(16), False),
        ("SIEMENS MR HEADER", 0x00191027, "UN", bytes(48), True),
    ],
)
def test_a_safe_private_element_has_the_values_that_it_should(
    creator: str, tag: int, vr: str, value: bytes, safe: bool
) -> None:
    assert is_safe(creator, tag, vr.encode(), value) is safe
