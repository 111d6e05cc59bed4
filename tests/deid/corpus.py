# SPDX-License-Identifier: Apache-2.0
"""A corpus with a marker of its own in each attribute of Table E.1-1, at the root, nested, private, unlisted and unknown.

A marker is ``MK`` and eight digits, with characters of the instance's character set behind it, of which eight say the
same number once more (`twin`); dates, times and UIDs are values that occur once. What a marker stands in is known from its number.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from pydicom.datadict import dictionary_VR

from tests.deid.writer import Leaf, Node, Style, data_set, part10

TABLE = Path(__file__).parents[2] / "crds" / "dromos_crds" / "profiles" / "confidentiality.csv"
_ROOT = "1.2.840.10008.5.1.4.1.1."
SOP_CLASSES = tuple(
    _ROOT + suffix
    for suffix in [
        "1",
        "1.1",
        "1.1.1",
        "1.2",
        "1.2.1",
        "1.3",
        "1.3.1",
        "2",
        "2.1",
        "2.2",
        "3.1",
        "4",
        "4.1",
        "4.2",
        "4.3",
        "6.1",
        "6.2",
        "9.1.1",
        "9.1.2",
        "9.2.1",
        "11.1",
        "11.2",
        "12.1",
        "12.1.1",
        "12.2",
        "13.1.1",
        "13.1.3",
        "20",
        "30",
        "66.1",
        "66.4",
        "77.1.5.1",
        "77.1.6",
        "78.1",
        "128",
        "128.1",
        "130",
        "481.1",
        "481.2",
        "481.5",
    ]
)
STYLES = (Style(), Style(explicit=False), Style(big=True), Style(undefined=True), Style(explicit=False, undefined=True))
# (0008,0005), Python's codec, characters that it has and ASCII hasn't
CHARACTER_SETS = (
    ("", "ascii", ""),
    ("ISO_IR 100", "latin-1", "Åé"),
    ("ISO_IR 192", "utf-8", "Ωж漢"),
    ("\\ISO 2022 IR 87", "iso2022_jp", "山田"),
    ("GB18030", "gb18030", "王东"),
)
PATTERNS = {"60XX4000": 0x60004000, "60XX3000": 0x60003000, "50XXXXXX": 0x50003000}
# of the same kind as what the table names, and without a row
UNLISTED = (
    (0x00081167, "UI"),
    (0x00081190, "UR"),
    (0x00083012, "UI"),
    (0x0018991E, "UI"),
    (0x00200242, "UI"),
    (0x00203100, "CS"),
    (0x00209312, "UI"),
    (0x00287777, "LO"),
    (0x0040A067, "PN"),
    (0x0040E010, "UR"),
    (0x00144076, "DA"),
    (0x7F000010, "OW"),
)
_WRITTEN = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00100020, 0x00080005}


def twin(number: str, codec: str) -> str:
    """Digits as characters that ASCII hasn't: full-width ones, or capitals with accents where a set has no others."""
    if codec == "ascii":
        return ""
    return "".join(chr((0xC0 if codec == "latin-1" else 0xFF10) + int(digit)) for digit in number)


@dataclass
class Planted:
    """What must not come out: markers, and whole values of dates, times and UIDs; where each was, by number."""

    markers: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


@cache
def attributes() -> tuple[tuple[int, str], ...]:
    """Tag and VR of each attribute of the table."""
    with TABLE.open() as file:
        rows = [row["tag"].upper() for row in csv.DictReader(file)]
    tags = [PATTERNS.get(tag) or int(tag, 16) for tag in rows if tag in PATTERNS or len(tag) == 8]
    return tuple((tag, _vr(tag)) for tag in tags if tag >> 16 > 2)


def _vr(tag: int) -> str:
    if tag == 0x60003000:
        return "OW"
    if tag == 0x60004000:
        return "LT"
    if tag == 0x50003000:
        return "OW"
    return dictionary_VR(tag).split(" ")[0]


class Sower:
    """Makes values and remembers them."""

    def __init__(self, number: int) -> None:
        self.planted = Planted()
        self._term, self._codec, self._characters = CHARACTER_SETS[number % len(CHARACTER_SETS)]
        self._number = number
        self._count = 0

    @property
    def character_set(self) -> str:
        """(0008,0005)."""
        return self._term

    def leaf(self, tag: int, vr: str, where: str = "") -> Leaf | None:
        """An element with a value of its own; None for VRs that hold too little."""
        self._count += 1
        place = f"{where}({tag >> 16:04X},{tag & 0xFFFF:04X}) {vr}"
        core = f"MK{self._number:04d}{self._count:04d}"
        if vr in ("DA", "TM", "DT", "UI"):
            text = self._value(vr)
            self.planted.values[text] = place
            return tag, vr, text.encode()
        if vr in ("IS", "DS"):
            core = f"9{self._number:04d}{self._count:04d}"
            self.planted.values[core] = place
            return tag, vr, core.encode()
        if vr in ("AE", "CS", "UR", "UN", "OB", "OW"):
            self.planted.markers[core] = place
            return tag, vr, core.encode()
        if vr in ("LO", "LT", "PN", "SH", "ST", "UC", "UT"):
            self.planted.markers[core] = place
            return tag, vr, f"{core}{self._characters}{twin(core[2:], self._codec)}".encode(self._codec)
        return None

    def _value(self, vr: str) -> str:
        day = date(1400, 1, 1) + timedelta(days=400 * self._count + self._number % 399)
        text, fraction = f"{day.year:04}{day.month:02}{day.day:02}", f"{self._number:04d}{self._count:04d}"
        if vr == "DA":
            return text
        if vr == "TM":
            return f"{self._count % 24:02}{self._number % 60:02}11.{self._count * 7919 % 1000000:06}"
        if vr == "DT":
            return f"{text}101500.{self._count * 7919 % 1000000:06}"
        return f"1.2.999.{int(fraction)}"


def instance(number: int) -> tuple[bytes, Planted, Style]:
    """One Part 10 file of the corpus, what was planted in it, and how it is written."""
    sower = Sower(number)
    style = STYLES[number // 7 % len(STYLES)]
    sop_class = SOP_CLASSES[number % len(SOP_CLASSES)]
    nodes: dict[int, Node] = {}
    for tag, vr in attributes():
        if tag in _WRITTEN:
            continue
        node = sower.leaf(tag, vr) if vr != "SQ" else (tag, vr, [list(_nested(sower, f"in {tag:08X} "))])
        if node is not None:
            nodes[tag] = node
    identity = {0x00080018: f"1.2.999.0{number}1", 0x0020000D: f"1.2.999.0{number}2", 0x0020000E: f"1.2.999.0{number}3"}
    for tag, uid in identity.items():
        sower.planted.values[uid] = f"({tag:08X})"
        nodes[tag] = (tag, "UI", uid.encode())
    nodes[0x00080016] = (0x00080016, "UI", sop_class.encode())
    nodes[0x00080005] = (0x00080005, "CS", sower.character_set.encode())
    patient = f"MK{number:04d}9999"
    sower.planted.markers[patient] = "(0010,0020)"
    nodes[0x00100020] = (0x00100020, "LO", patient.encode())
    nodes[0x00081115] = (0x00081115, "SQ", [list(_nested(sower, "in 00081115 ")), []])  # no row of its own
    for node in _private(sower, style):
        nodes[node[0]] = node
    for tag, vr in UNLISTED:
        if (leaf := sower.leaf(tag, vr)) is not None:
            nodes[tag] = leaf
    nodes[0x7FE00010] = (0x7FE00010, "OW", b"\x01\x02" * 32)
    body = data_set(nodes.values(), style)
    return part10(sop_class, identity[0x00080018], body, style), sower.planted, style


def _nested(sower: Sower, where: str) -> Iterator[Node]:
    for tag, vr in (
        (0x00080080, "LO"), (0x00100010, "PN"), (0x00100030, "DA"), (0x00081155, "UI"), (0x00081030, "LO"),
        (0x0040A123, "PN"), (0x00091010, "LO"),
    ):  # fmt: skip
        leaf = sower.leaf(tag, vr, where)
        if leaf is not None:
            yield leaf
    deeper = sower.leaf(0x00101000, "LO", f"deep {where}")
    yield 0x00081199, "SQ", [[deeper]] if deeper is not None else []


def _private(sower: Sower, style: Style) -> Iterator[Node]:
    creator = sower.leaf(0x00090010, "LO")
    assert creator is not None
    yield creator
    for tag, vr in ((0x00091001, "LO"), (0x00091002, "UN"), (0x00091003, "OB"), (0x00091004, "UI")):
        leaf = sower.leaf(tag, vr)
        if leaf is not None:
            yield leaf
    yield 0x00091005, "SQ", [list(_nested(sower, "private "))]
    inner = data_set(list(_nested(sower, "in UN ")), Style(explicit=False))
    yield 0x00091006, "UN", b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
    if style.explicit and not style.big:  # a standard sequence whose VR got lost on the way
        again = data_set(list(_nested(sower, "UN of 00081120 ")), Style(explicit=False))
        yield 0x00081250, "UN", b"\xfe\xff\x00\xe0" + len(again).to_bytes(4, "little") + again
