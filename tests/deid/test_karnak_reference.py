# SPDX-License-Identifier: Apache-2.0
"""`compatibility: Karnak` against a second implementation, slow and plain, on profiles and data sets made at random."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.unit.karnak import deid
from tests.unit.karnak.reference import Karnak

_ELEMENTS = {
    "(0008,0012)": "DA", "(0008,0020)": "DA", "(0008,0021)": "DA", "(0008,0022)": "DA", "(0008,0023)": "DA",
    "(0008,002A)": "DT", "(0008,0030)": "TM", "(0008,0031)": "TM", "(0008,0050)": "SH", "(0008,0060)": "CS",
    "(0008,0080)": "LO", "(0008,0090)": "PN", "(0008,1010)": "SH", "(0008,1030)": "LO", "(0008,1155)": "UI",
    "(0009,0010)": "LO", "(0009,1001)": "LO", "(0009,1002)": "DA", "(0010,0010)": "PN", "(0010,0030)": "DA",
    "(0010,1010)": "AS", "(0010,4000)": "LT", "(0018,0015)": "CS", "(0018,1030)": "LO", "(0018,9074)": "DT",
    "(0020,000D)": "UI", "(0020,0010)": "SH", "(0020,0013)": "IS", "(0020,0052)": "UI", "(0028,0030)": "DS",
    "(5004,0030)": "DS", "(6002,4000)": "LT",
}  # fmt: skip
_SEQUENCES = ("(0008,1110)", "(0008,1111)", "(0008,1115)", "(0008,1140)", "(0040,0275)", "(0040,A730)")
_VALUES: dict[str, tuple[Any, ...]] = {
    "DA": ("20200229", "20180209", "2018.02.09", "19000101", "20201399", "1993021", None, ["20180209", "20190101"]),
    "TM": ("120843", "000134", "12", "1010", "070907.0705", "10:11:12", "125980", "1", None),
    "DT": ("20180209120854.354", "2018", "201802", "20180209", "2018020912", "20180209120854+0130", "201", None,
           "20180209000000-0500"),
    "AS": ("043Y", "008M", "012W", "008D", "43", "999Y", None), "UI": ("1.2.3", "1.2.840.10008.1.2", None, ["1.2.3", "1.2.4"]),
    "IS": ("7", None), "DS": ("1.5", ["1.5", "2.5"]), "PN": ("Doe^John", None), "CS": ("CT", "HEAD"),
    "LO": ("words", "CT head", None, ["a", "b"]), "SH": ("short", None), "LT": ("long text", None),
}  # fmt: skip
_TAGS = (*_ELEMENTS, *_SEQUENCES, "(0008,XXXX)", "(0008,002X)", "(XXXX,XXXX)", "50XXXXXX", "60xx4000", "0009xxxx", "(0020,00XX)",
         "0010,1010")  # fmt: skip
_ACTIONS = ("K", "X", "Z", "U", "D", "DDum", "Z/D", "X/D", "X/Z", "X/Z/D", "X/Z/U")
_CONDITIONS = (
    None, None, None, "tagIsPresent(#Tag.Modality)", "tagValueIsPresent(#Tag.Modality, 'CT')",
    "tagValueContains(#Tag.StudyDescription, 'head')", "tagValueBeginsWith(#Tag.PatientID, 'Patient')",
    "tagValueEndsWith(#Tag.PatientID, '1')",
)  # fmt: skip
_EXPRESSIONS = (
    "Keep()", "Remove()", "ReplaceNull()", "Replace('new')", "null", "stringValue == 'CT' ? Replace('X1') : null",
    "stringValue == 'words' ? Keep() : Remove()", "vr == #VR.LT ? Remove() : null", "vr == #VR.UI ? UID() : null",
)  # fmt: skip


def _element(generator: random.Random, tag: str) -> dict[str, Any]:
    vr = _ELEMENTS[tag]
    return {"vr": vr, "value": generator.choice(_VALUES[vr])}


def _data_set(generator: random.Random, depth: int) -> dict[str, Any]:
    found = {tag: _element(generator, tag) for tag in generator.sample(list(_ELEMENTS), generator.randrange(1, 14))}
    for tag in _SEQUENCES if depth < 2 else ():
        if generator.random() < 0.3:
            found[tag] = {"vr": "SQ", "items": [_data_set(generator, depth + 1) for _ in range(generator.randrange(3))]}
    return found


def _rule(generator: random.Random) -> dict[str, Any]:
    tags = generator.sample(_TAGS, generator.randrange(1, 5))
    rule: dict[str, Any] = {"tags": tags, "excludedTags": generator.sample(_TAGS[:20], generator.randrange(2))}
    kind = generator.randrange(5)
    if kind == 0:
        rule |= {"codename": "action.on.specific.tags", "action": generator.choice(_ACTIONS)}
    elif kind == 1:
        rule |= {"codename": "action.on.privatetags", "action": generator.choice(("K", "X", "Z", "DDum"))}
    elif kind == 2:
        rule |= {"codename": "expression.on.tags", "arguments": {"expr": generator.choice(_EXPRESSIONS)}}
    else:
        option, arguments = generator.choice((
            ("shift", {"days": generator.randrange(-400, 400), "seconds": generator.randrange(-90000, 90000)}),
            ("shift_range", {"max_days": 200, "max_seconds": 1000}),
            ("shift_range", {"max_days": 200, "max_seconds": 1000, "min_days": 100, "min_seconds": 500}),
            ("shift_by_tag", {"days_tag": "(0015,1010)", "seconds_tag": "(0015,1011)"}),
            ("shift_by_tag", {"days_tag": "(0015,1012)"}),
            ("date_format", {"remove": "day"}),
            ("date_format", {"remove": "month_day"}),
        ))  # fmt: skip
        rule |= {"codename": "action.on.dates", "option": option, "arguments": arguments}
    condition = generator.choice(_CONDITIONS)
    return rule | ({"condition": condition} if condition else {})


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize("part", range(8))
def test_a_second_implementation_says_the_same(part: int) -> None:
    for number in range(40):
        generator = random.Random(f"karnak {part} {number}")
        key = generator.randbytes(16)
        root = _data_set(generator, 0) | {
            "(0008,0016)": {"vr": "UI", "value": f"1.2.840.10008.5.1.4.1.1.{generator.choice(('2', '4', '481.5', '9999'))}"},
            "(0010,0020)": {"vr": "LO", "value": f"Patient {generator.randrange(5)}"},
            "(0015,0010)": {"vr": "LO", "value": "ADIS"},
            "(0015,1010)": {"vr": "LO", "value": "10"},
            "(0015,1011)": {"vr": "LO", "value": "500"},
            "(0015,1012)": {"vr": "LO", "value": generator.choice(("AAA", "-3", None))},
        }  # fmt: skip
        rules = [_rule(generator) for _ in range(generator.randrange(1, 5))]
        if generator.random() < 0.6:
            rules.append({"codename": "basic.dicom.profile"})
        wanted = deid._normal(Karnak(rules, root, key).applied())
        assert deid.apply(rules, root, key.hex()) == wanted, (part, number, rules)
