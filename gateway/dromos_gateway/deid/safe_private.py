# SPDX-License-Identifier: Apache-2.0
"""Private elements that hold nothing but numbers and codes of physics (after PS3.15 Table E.3.10-1)."""

from __future__ import annotations

from typing import Final

# creator, group, element within its block
_SAFE: Final = frozenset(
    (creator, group, element)
    for creator, group, elements in (
        ("Philips PET Private Group", 0x7053, (0x00, 0x09)),
        ("ELSCINT1", 0x00E1, (0x21, 0x50)),
        ("ELSCINT1", 0x01E1, (0x26, 0x50)),
        ("ELSCINT1", 0x01F1, (0x01, 0x07, 0x26, 0x27)),
        ("GEMS_ACQU_01", 0x0019, (0x23, 0x24, 0x27, 0x9E)),
        ("GEMS_SERS_01", 0x0025, (0x07,)),
        ("GEMS_PARM_01", 0x0043, (0x27, 0x39, 0x6F)),
        ("GEMS_HELIOS_01", 0x0045, (0x01, 0x02)),
        ("GEIIS PACS", 0x0903, (0x10, 0x11, 0x12)),
        ("Philips Imaging DD 001", 0x2001, (0x03, 0x04)),
        ("Philips MR Imaging DD 001", 0x2005, (0x0D, 0x0E)),
        ("SIEMENS MR HEADER", 0x0019, (0x0C, 0x0D, 0x0E, 0x27)),
    )
    for element in elements
)


def is_safe(creator: str | None, tag: int) -> bool:
    """Whether a private element of this creator may stay under retainSafePrivate."""
    return creator is not None and (creator, tag >> 16, tag & 0xFF) in _SAFE
