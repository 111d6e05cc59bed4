# SPDX-License-Identifier: Apache-2.0
"""Actions and whole profiles, with compatibility Karnak, through the engine that changes files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dromos_crds.expressions import Symbol
from dromos_crds.profiles.rulemaking import ACTIONS
from dromos_gateway.deid import iod
from dromos_gateway.deid.adding import additions_of
from dromos_gateway.deid.multiple import is_multiple, resolve
from dromos_gateway.deid.outcomes import Exclude
from dromos_gateway.deid.plan import Plan, Recipe, compile_plan
from dromos_gateway.deid.run import Run
from dromos_gateway.deid.written import Facts, code_items, karnak_codes
from dromos_gateway.header.encoding import EXPLICIT
from dromos_gateway.header.indexing import index
from dromos_gateway.header.output import Pieces
from dromos_gateway.header.source import Source
from dromos_gateway.header.view import HeaderView
from tests.unit.karnak import Given
from tests.unit.karnak.datasets import tag_of

_KEY = "79f9680b7ed9808272a228bd3dd33bcb"


def _data_set(elements: Given) -> Dataset:
    data = Dataset()
    for tag, element in sorted(elements.items()):
        if element["vr"] == "SQ":
            data.add_new(tag_of(tag), "SQ", [_data_set(item) for item in element["items"]])
        else:
            data.add_new(tag_of(tag), element["vr"], _number(element["vr"], element["value"]))
    return data


def _number(vr: str, value: Any) -> Any:
    """A vector's value as pydicom wants it: numbers may be written as text there."""
    if value in (None, "") or vr not in ("FD", "FL", "SL", "SS", "UL", "US"):
        return value
    if isinstance(value, list):
        return [_number(vr, part) for part in value]
    return float(value) if vr in ("FD", "FL") else int(value)


def _plain(data: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in data:
        tag = f"({element.tag.group:04X},{element.tag.element:04X})"
        if element.VR == "SQ":
            found[tag] = {"vr": "SQ", "items": [_plain(item) for item in element.value]}
        else:
            value = (
                [str(part) for part in element.value]
                if element.VM > 1
                else ""
                if element.value is None
                else str(element.value)
            )
            found[tag] = {"vr": element.VR, "value": value or None}
    return found


def _plan(elements: list[dict[str, Any]], key: str) -> Plan:
    ordered = sorted(elements, key=lambda found: _order(found, elements))
    plain = [{name: value for name, value in found.items() if name != "position"} for found in ordered]
    profile = json.dumps({"profileElements": plain})
    return compile_plan(Recipe(profile, "p", bytes.fromhex(key), compatibility="Karnak", morphing=True))


def _order(element: dict[str, Any], elements: list[dict[str, Any]]) -> int:
    """One vector's elements share a position; its note says that Remove comes before Keep."""
    shared = [found.get("position") for found in elements] == [0, 0]
    return int(element.get("action") == "K") if shared else elements.index(element)


def apply(
    elements: list[dict[str, Any]], dataset: Given, key: str = _KEY, patient_id: str | None = None
) -> dict[str, Any]:
    """A data set after a profile."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, False
    write_dataset(out, _data_set(dataset))
    source = Source(out.getvalue())
    plan = _plan(elements, key)
    layout = index(source, EXPLICIT, whole=True)
    view = HeaderView(source, EXPLICIT, layout)
    run = Run(plan, source, layout, view, plan.truths(view))
    run.patient_id = patient_id or run.patient_id
    sink = Pieces()
    additions = additions_of(plan, view, run.truths, Facts(), None, {})
    run.edit(sink, additions.elements, additions.kept_blocks)
    changed = b"".join(bytes(data) for _, data, _, _ in sink.finish() if data is not None)
    return _plain(read_dataset(DicomBytesIO(changed), is_implicit_VR=False, is_little_endian=True))


def _normal(expected: Given) -> dict[str, Any]:
    return {
        tag: {"vr": "SQ", "items": [_normal(item) for item in element["items"]]}
        if element["vr"] == "SQ"
        else {"vr": element["vr"], "value": _text(_number(element["vr"], element["value"]))}
        for tag, element in expected.items()
    }


def _text(value: Any) -> str | list[str] | None:
    """As `_plain` says it."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return None if value in (None, "") else str(value)


def _profile(given: Given, expected: Given) -> None:
    found = apply(given["profileElements"], given["dataset"], given.get("key_hex", _KEY), given.get("hmac_patient_id"))
    assert found == _normal(expected["dataset"])


def _excluded(given: Given, expected: Given) -> None:
    with pytest.raises(Exclude) as raised:
        apply(given["profileElements"], given["dataset"])
    assert raised.value.rule == expected["message"]


def _one(rule: dict[str, Any], given: Given, expected: Given, patient_id: str | None = None) -> None:
    """A rule on one element, and perhaps others that it reads."""
    others = {
        tag: {"vr": "LO" if tag.startswith(("(0015", "(0017")) else "IS", "value": value}
        for tag, value in given.get("other_elements", {}).items()
    }
    dataset = dict(others)
    if given["value"] != "<absent>":
        dataset[given["tag"]] = {"vr": given["vr"], "value": given["value"]}
    found = apply([rule | {"tags": [given["tag"]]}], dataset, given.get("key_hex", _KEY), patient_id)
    value = found[given["tag"]]["value"] if given["tag"] in found else "<absent>"
    assert value == expected["value"]


def _dates(option: str) -> Any:
    def check(given: Given, expected: Given) -> None:
        rule = {"codename": "action.on.dates", "option": option, "arguments": given["arguments"]}
        _one(rule, given, expected, given.get("patient_id"))

    return check


def _applicable(given: Given, expected: Given) -> None:
    element = given["element"]
    rule = {key: given[key] for key in ("option", "arguments", "tags", "excludedTags") if key in given}
    found = apply(
        [rule | {"codename": "action.on.dates"}], {element["tag"]: {"vr": element["vr"], "value": element["value"]}}
    )
    assert found[element["tag"]]["value"] == expected.get("value", element["value"])
    assert (expected["action"] is not None) == (found[element["tag"]]["value"] != element["value"])


def _action(given: Given, expected: Given) -> None:
    if given["action"] == "D" and given.get("dummy"):
        rule = {"codename": "expression.on.tags", "arguments": {"expr": f"Replace('{given['dummy']}')"}}
        _one(rule, given, expected)
        return
    if given["action"] in ("E", "EI"):  # nothing is changed, because nothing goes
        with pytest.raises(Exclude):
            _one({"codename": "expression.on.tags", "arguments": {"expr": "ExcludeInstance()"}}, given, expected)
        assert expected["value"] == given["value"]
        return
    _one({"codename": "action.on.specific.tags", "action": given["action"]}, given, expected)


_KINDS = {"ReplaceNull": "Z", "UID": "U", "Keep": "K", "Remove": "X", "Replace": "D", "DefaultDummy": "DDum"}


def _symbol(given: Given, expected: Given) -> None:
    """What each code does tells which one it is."""
    if expected["kind"] is None:
        assert given["symbol"] is None or given["symbol"] not in ACTIONS
        return
    if given["symbol"] in ("A", "E"):  # of rules and expressions that add and exclude
        assert {"A": Symbol.ADD, "E": Symbol.EXCLUDE}[given["symbol"]] == given["symbol"]
        assert {"A": "Add", "E": "Exclude"}[given["symbol"]] in expected["kind"]
        return
    if is_multiple(given["symbol"]):
        assert "Multiple" in expected["kind"]
        return
    codes = {kind: code for kind, code in _KINDS.items() if kind in expected["kind"]}
    assert given["symbol"] in codes.values()
    dataset = {"(0020,000D)": {"vr": "UI", "value": "1.2.3"}}
    found = apply([{"codename": "action.on.specific.tags", "action": given["symbol"], "tags": ["0020000D"]}], dataset)
    value = found.get("(0020,000D)", {"value": "<absent>"})["value"]
    wanted = {"K": "1.2.3", "X": "<absent>", "Z": None, "D": None}
    assert value == wanted[given["symbol"]] if given["symbol"] in wanted else value.startswith("2.25.")


def _replace(given: Given, expected: Given) -> None:
    text = f"Replace('{given['dummy']}')" if given["dummy"] is not None else "ReplaceNull()"
    rule = {"codename": "expression.on.tags", "arguments": {"expr": text}, "tags": ["(0010,4000)"]}
    found = apply([rule], {"(0010,4000)": {"vr": "LT", "value": given["value"]}})
    assert found["(0010,4000)"]["value"] == expected["value"]


def _multiple(given: Given, expected: Given) -> None:
    kind = iod.attribute_type(given["sop_class"], (), tag_of(given["tag"]))
    assert kind == given["iod_type"]
    assert resolve(given["symbol"], kind, strict=False) == expected["resolved"]


def _multiple_table(given: Given, expected: Given) -> None:
    assert resolve(given["symbol"], given["attribute_type"], strict=False) == expected["resolved"]


def _strictest(given: Given, expected: Given) -> None:
    assert iod.strictest(given["types"]) == expected["type"]


def _iod_type(given: Given, expected: Given) -> None:
    places = iod.places(given["sop_class"], (), tag_of(given["tag"]))
    assert len(places) == expected.get("matches", len(places))
    assert iod.attribute_type(given["sop_class"], (), tag_of(given["tag"])) == expected["type"]
    if "module" in expected:
        assert expected["module"] in {place.module for place in places}


# what an element of a codename needs at least
_LEAST: dict[str, dict[str, Any]] = {
    "action.on.dates": {"option": "shift", "arguments": {"days": 1, "seconds": 0}},
    "action.on.privatetags": {"action": "X"},
    "action.on.specific.tags": {"action": "X", "tags": ["00100010"]},
    "expression.on.tags": {"arguments": {"expr": "Keep()"}, "tags": ["00100010"]},
}


def _method_codes(given: Given, expected: Given) -> None:
    names = given["profile_codenames_in_order"]
    elements: list[dict[str, Any]] = [{"codename": name} | _LEAST.get(name, {}) for name in names]
    items = code_items(karnak_codes(_plan(elements, _KEY).rules))
    parts = {0x00080100: "CodeValue", 0x00080102: "CodingSchemeDesignator", 0x00080104: "CodeMeaning"}
    assert [{parts[tag]: value.decode().strip() for tag, _, value in item} for item in items] == expected["items"]


AREAS = {
    "profile.apply": _profile,
    "profile.exclude": _excluded,
    "action.execute": _action,
    "action.symbol": _symbol,
    "action.replace": _replace,
    "action.multiple": _multiple,
    "action.multiple.table": _multiple_table,
    "iod.strictest_type": _strictest,
    "iod.type": _iod_type,
    "date.shift.element": _dates("shift"),
    "date.shift_range": _dates("shift_range"),
    "date.shift_by_tag": _dates("shift_by_tag"),
    "dates.applicability": _applicable,
    "deid.method_code_sequence": _method_codes,
}
