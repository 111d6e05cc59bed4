# SPDX-License-Identifier: Apache-2.0
"""Each row of Table E.1-1 under each option, each pair of options and all of them: what comes out is what PS3.15 says.

The expectation is written after the standard (E.1.1, E.3) and reads the table itself: an option goes before the basic
profile; where options differ, cleaning goes before keeping; sequences that are kept are cleaned; what is cleaned keeps
its meaning and loses the marker; an attribute that the information object demands stays, as a dummy or empty.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dromos_gateway.deid import iod
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.hashing import hashed_uid
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.deid.written import WRITTEN
from dromos_gateway.dimse.part10 import read_head
from tests.deid.corpus import PATTERNS, TABLE, attributes
from tests.deid.writer import Node, Style, data_set, part10
from tests.unit.deid.instances import BASIC, KEY, codes, plan

# argument, column of the table, code of CID 7050
OPTIONS = (
    ("retainUIDs", "retain_uids", "113110"),
    ("retainDevice", "retain_device_identity", "113109"),
    ("retainInstitution", "retain_institution_identity", "113112"),
    ("retainPatientCharacteristics", "retain_patient_characteristics", "113108"),
    ("retainFullDates", "retain_long_full_dates", "113106"),
    ("retainModifiedDates", "retain_long_modified_dates", "113107"),
    ("cleanDescriptors", "clean_descriptors", "113105"),
    ("cleanStructuredContent", "clean_structured_content", "113104"),
    ("cleanGraphics", "clean_graphics", "113103"),
    ("retainSafePrivate", "retain_safe_private", "113111"),
)
_COLUMN = {name: column for name, column, _ in OPTIONS}
_FULL, _MODIFIED = "retainFullDates", "retainModifiedDates"
_NAMES = tuple(_COLUMN)
_SINGLE = [(), *((name,) for name in _NAMES)]
CHOICES = [
    *_SINGLE,
    *(pair for pair in combinations(_NAMES, 2) if set(pair) != {_FULL, _MODIFIED}),
    tuple(name for name in _NAMES if name != _FULL),
    tuple(name for name in _NAMES if name != _MODIFIED),
]
_ROOT = "1.2.840.10008.5.1.4.1.1."
CLASSES = {"CT": "2", "enhanced MR": "4.1", "RT plan": "481.5", "report": "88.11", "presentation state": "11.1"}
_MARK, _WORD = "MK777777", "Thorax"
_OTHER_WORD = "Abdomen"  # of patient characteristics: a word of an attribute that goes is not said elsewhere
_PERSONS, _NAME = (0x00401101, 0x0040A088, 0x00700086), "Brown"  # codes that name a person
_TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
_DATES = ("DA", "DT", "TM")
_BINARY = ("OB", "OW", "UN", "US", "AT")
_VALUES = {
    "DA": "20210615", "TM": "101500", "DT": "20210615101500", "UI": "1.2.999.77", "AS": "043Y", "IS": "977", "DS": "977",
    "AE": _MARK, "CS": _MARK, "UR": f"http://{_MARK}", "OB": _MARK, "OW": _MARK, "UN": _MARK, "US": "\x4d\x4b",
}  # fmt: skip
_SAFE, _UNSAFE = 0x00191023, 0x00191033


def _rows() -> Iterator[tuple[int, dict[str, str]]]:
    with TABLE.open() as file:
        for row in csv.DictReader(file):
            text = row["tag"].upper()
            if text in PATTERNS or len(text) == 8:
                yield PATTERNS.get(text) or int(text, 16), row


ROWS = dict(_rows())
VRS = dict(attributes())
_LEFT_OUT = {*WRITTEN, 0x00080016, 0x00080005}  # always written, or what the instance is


def _instance(sop_class: str, path: Path) -> Instance:
    """An instance with every attribute of the table."""
    inner: list[Node] = [
        (0x00080104, "LO", f"{_MARK} {_WORD}".encode()),
        (0x00081155, "UI", b"1.2.999.88"),
        (0x00100010, "PN", _MARK.encode()),
        (0x00280010, "US", b"\x07\0"),
    ]
    person: list[Node] = [(0x00080104, "LO", f"{_MARK} {_NAME}".encode()), *inner[1:]]
    nodes: list[Node] = []
    for tag, vr in VRS.items():
        value = _VALUES.get(vr, f"{_MARK} {_word(ROWS[tag])}".strip()).encode()
        within = person if tag in _PERSONS else inner
        nodes.append((tag, vr, [within] if vr == "SQ" else value))
    nodes = [node for node in nodes if node[0] not in (0x00080005, 0x00080016, 0x00100020)]
    nodes += [
        (0x00080016, "UI", sop_class.encode()),
        (0x00100020, "LO", b"P-77"),
        (0x00190010, "LO", b"GEMS_ACQU_01"),
        (_SAFE, "DS", b"1.5 "),
        (_UNSAFE, "LO", _MARK.encode()),
    ]
    path.write_bytes(part10(sop_class, "1.2.999.77", data_set(nodes, Style()), Style()))
    return Instance(path, read_head(path).data_set_offset, Style().syntax)


def _word(row: dict[str, str]) -> str:
    """The word of an attribute that stays when it is cleaned."""
    if row[_COLUMN["retainPatientCharacteristics"]] == "C":
        return _OTHER_WORD
    return _WORD if row[_COLUMN["cleanDescriptors"]] == "C" else ""


def _said(row: dict[str, str], chosen: tuple[str, ...]) -> str:
    """The action code: cleaning before keeping before the basic profile."""
    given = {row[_COLUMN[name]] for name in chosen}
    return "C" if "C" in given else "K" if "K" in given else row["basic"]


def _type(sop_class: str, tag: int) -> str | None:
    """The strictest type that a module of the information object gives the attribute."""
    return min((place.type for place in iod.places(sop_class, (), tag)), default=None)


def _gone(_: str, old: DataElement, new: DataElement | None) -> bool:
    return new is None


def _empty(_: str, old: DataElement, new: DataElement | None) -> bool:
    return new is not None and not new.value


def _dummy(vr: str, old: DataElement, new: DataElement | None) -> bool:
    if new is None or _MARK in str(new) or (vr == "SQ" and not _treated(new)):
        return False
    if vr == "SQ" or vr in _BINARY:
        return new.value != old.value
    return bool(new.value) and new.value != old.value


def _kept(vr: str, old: DataElement, new: DataElement | None) -> bool:
    if new is None:
        return False
    return new.value == old.value if vr != "SQ" else _treated(new) and new.value[0][0x00280010].value == 7


def _hashed(vr: str, old: DataElement, new: DataElement | None) -> bool:
    if new is None:
        return False
    if vr != "SQ":
        return new.value == hashed_uid(KEY, old.value)
    return _treated(new) and new.value[0][0x00081155].value == hashed_uid(KEY, "1.2.999.88")


def _cleaned(vr: str, old: DataElement, new: DataElement | None) -> bool:
    if new is None or _MARK in str(new):
        return False
    if vr == "SQ":
        return _treated(new) and new.value[0][0x00080104].value == _WORD  # of an item
    if vr in _TEXTS:
        return str(new.value) == _word(ROWS[int(new.tag)])
    if vr == "TM":  # whole days: the time of day stays
        return new.value == "101500.000000"
    days = (date(2021, 6, 15) - date(*(int(new.value[at : at + 2 + 2 * (at == 0)]) for at in (0, 4, 6)))).days
    return 1 <= days <= 365 and days == _DAYS.setdefault(0, days)


def _treated(new: DataElement) -> bool:
    """The items are there, and what the table takes out isn't in them."""
    return len(new.value) == 1 and _MARK not in str(new.value[0].get("PatientName", "")) and 0x00280010 in new.value[0]


_DAYS: dict[int, int] = {}  # by how much the dates of the only patient move
Check = Callable[[str, DataElement, DataElement | None], bool]


def _expected(code: str, row: dict[str, str], vr: str, kind: str | None, dates: bool) -> Check:
    if code == "K":
        return _kept
    if code == "C":
        if vr in _DATES or vr == "SQ" or (vr in _TEXTS and not dates):
            return _cleaned
        if vr == "AE":
            return _dummy  # a value of similar meaning that is not identifying
        code = row["basic"]  # nothing can be cleaned of bits, codes and time zones
    if code in ("U", "X/Z/U*"):
        return _hashed
    if code == "D" or kind in ("1", "1C"):
        return _dummy
    if code == "Z":
        return _empty
    if kind in ("2", "2C"):
        return _dummy if code == "X/D" else _empty
    if kind is None and code != "X":  # nobody knows what it is to this object: it stays, and says nothing
        return _dummy if "D" in code else _empty
    return _empty if code == "Z/D" else _gone


@pytest.mark.parametrize("sop_class", CLASSES.values(), ids=CLASSES.keys())
def test_every_row_under_every_choice(tmp_path: Path, sop_class: str) -> None:
    instance, target = _instance(_ROOT + sop_class, tmp_path / "in.dcm"), tmp_path / "out.dcm"
    before = dcmread(instance.path)
    wrong, seen = [], set()
    # how options go together doesn't depend on the class: the pairs for one
    for chosen in CHOICES if sop_class == CLASSES["CT"] else _SINGLE:
        rule = BASIC | {"arguments": dict.fromkeys(chosen, True)}
        outcome = deidentify(instance, target, plan(rule, uncleanable="Allow"), "PSEUDO")
        assert isinstance(outcome, Changed), (chosen, outcome)
        after = dcmread(target)
        for tag, row in ROWS.items():
            if tag in _LEFT_OUT or tag not in VRS:
                continue
            code, vr, new = _said(row, chosen), VRS[tag], after.get(tag)
            dates = row[_COLUMN[_MODIFIED]] == "C" and _MODIFIED in chosen
            check = _expected(code, row, vr, _type(_ROOT + sop_class, tag), dates)
            seen.add((code, vr))
            if not check(vr, before[tag], new):
                wrong.append(f"{'+'.join(chosen) or 'basic'}: ({tag:08X}) {row['name']} {vr}: {code} {check.__name__}")
        _check_the_rest(after, chosen)
    assert wrong[:10] == []
    assert {code for code, _ in seen} == {"K", "C", "X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}


def _check_the_rest(after: Dataset, chosen: tuple[str, ...]) -> None:
    """Private elements, and what the file says of itself."""
    kept = [int(element.tag) for element in after if element.tag.is_private]
    assert kept == ([0x00190010, _SAFE] if "retainSafePrivate" in chosen else [])
    assert sorted(codes(after)) == sorted(["113100", *(code for name, _, code in OPTIONS if name in chosen)])
    says = "MODIFIED" if _MODIFIED in chosen else "REMOVED"
    if _FULL in chosen or ("retainDevice" in chosen and _MODIFIED not in chosen):
        says = "UNMODIFIED"  # of a device also true dates of its calibration stay
    assert after.LongitudinalTemporalInformationModified == says
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID


def test_every_row_is_there() -> None:
    assert len(ROWS) == 620
    assert len([tag for tag in ROWS if tag in VRS]) > 610
    assert len(CHOICES) == 1 + 10 + 44 + 2


@pytest.mark.parametrize("name", _NAMES)
def test_each_option_matters_to_what_its_column_names(name: str, tmp_path: Path) -> None:
    """Against the basic profile, exactly the rows of its column come out otherwise."""
    instance = _instance(_ROOT + "2", tmp_path / "in.dcm")
    outputs = []
    for arguments in ({}, {name: True}):
        target = tmp_path / f"{len(outputs)}.dcm"
        rule = BASIC | {"arguments": arguments}
        assert isinstance(deidentify(instance, target, plan(rule, uncleanable="Allow"), "PSEUDO"), Changed)
        outputs.append(dcmread(target))
    plain, optional = outputs
    differing = {int(tag) for tag in {*plain.keys(), *optional.keys()} if plain.get(tag) != optional.get(tag)}
    named = {tag for tag, row in ROWS.items() if row[_COLUMN[name]]}
    private = {0x00190010, _SAFE} if name == "retainSafePrivate" else set()
    assert {tag for tag in differing - {0x00280303} if VRS.get(tag) != "SQ" and tag != 0x00120064} <= named | private
    assert differing & (named | private)
