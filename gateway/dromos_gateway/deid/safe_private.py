# SPDX-License-Identifier: Apache-2.0
"""Private elements that hold nothing but numbers and codes of physics (after PS3.15 Table E.3.10-1).

Numbers by their VR and how many there are; codes by the words they may be. Anything else in such an element is not
what the table is about.
"""

from __future__ import annotations

import re
from typing import Final

# creator, group, element within its block and VR
_SAFE: Final = {
    (creator, group, int(word[:2], 16)): word[2:].encode("ascii")
    for creator, group, words in (
        ("Philips PET Private Group", 0x7053, "00DS 09DS"),
        ("ELSCINT1", 0x00E1, "21DS 50DS"),
        ("ELSCINT1", 0x01E1, "26CS 50DS"),
        ("ELSCINT1", 0x01F1, "01CS 07DS 26DS 27DS"),
        ("GEMS_ACQU_01", 0x0019, "23DS 24DS 27DS 9ELO"),
        ("GEMS_SERS_01", 0x0025, "07SL"),
        ("GEMS_PARM_01", 0x0043, "27SH 39IS 6FDS"),
        ("GEMS_HELIOS_01", 0x0045, "01SS 02FL"),
        ("GEIIS PACS", 0x0903, "10US 11US 12US"),
        ("Philips Imaging DD 001", 0x2001, "03FL 04CS"),
        ("Philips MR Imaging DD 001", 0x2005, "0DFL 0EFL"),
        ("SIEMENS MR HEADER", 0x0019, "0CIS 0DCS 0EFD 27FD"),
    )
    for word in words.split()
}
# values of an element, where there may be more than one
_SEVERAL: Final = {
    ("GEMS_PARM_01", 0x0043, 0x39): (4, 4),
    ("GEMS_PARM_01", 0x0043, 0x6F): (3, 4),
    ("SIEMENS MR HEADER", 0x0019, 0x0E): (3, 3),
    ("SIEMENS MR HEADER", 0x0019, 0x27): (6, 6),
}
_NUMBER: Final = re.compile(rb"[ ]*[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[ ]*")
# diffusion, kinds of scans, phantoms
_CODES: Final = (
    b"AXIAL|BMATRIX|BODY|CINE|CIRCLE|DIAGONAL|DIRECTIONAL|HEAD|HELICAL|HELIX|I|ISOTROPIC|M|N|NO|NONE|O|P|PHASE|READ|S"
    b"|SCAN|SCOUT|SEQUENCE|SLICE|SPIRAL|STATIONARY|SURVIEW|Y|YES"
)
_TEXTS: Final = {
    b"CS": re.compile(b"(?:" + _CODES + b")?"),
    b"LO": re.compile(rb"(?!.*[0-9]{3})[A-Za-z0-9_./+*-]{0,16}"),  # the name of a pulse sequence
    b"SH": re.compile(rb"[0-9]{0,2}(?:\.[0-9]{1,6})?(?::[0-9]{1,2})?"),  # a ratio, as 0.562:1
}
_SIZES: Final = {b"FD": 8, b"FL": 4, b"SL": 4, b"SS": 2, b"US": 2}
LONGEST: Final = 256  # bytes of such a value


def is_safe(creator: str | None, tag: int, vr: bytes, value: bytes) -> bool:
    """Whether a private element of this creator may stay under retainSafePrivate: if it is what the table says.

    VRs get lost on the way (UN); what is there must be of the VR all the same.
    """
    place = creator or "", tag >> 16, tag & 0xFF
    wanted = _SAFE.get(place)
    if wanted is None or vr not in (wanted, b"UN") or len(value) > LONGEST:
        return False
    least, most = _SEVERAL.get(place, (1, 1))
    if wanted in _SIZES:
        count, rest = divmod(len(value), _SIZES[wanted])
        return not rest and (not value or least <= count <= most)
    values = value.removesuffix(b"\0").split(b"\\")
    pattern = _TEXTS.get(wanted, _NUMBER)
    return not value or (least <= len(values) <= most and all(pattern.fullmatch(one.strip()) for one in values))
