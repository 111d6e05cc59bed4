# SPDX-License-Identifier: Apache-2.0
"""Karnak's rules once more, read from their description and written as slowly and plainly as they are told.

Nothing here is shared with the product but the table of attribute types. Data sets are those of the vectors: elements by
tag, {vr, value} or {vr, items}. What comes out is what Karnak makes of one with `compatibility: Karnak` and no
always-written attributes.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from dromos_gateway.deid import iod

DataSet = Mapping[str, Mapping[str, Any]]
_TABLE = Path(__file__).parents[3] / "crds/dromos_crds/profiles/confidentiality.csv"
_BASIC = {row["tag"].upper(): row["basic"] for row in csv.DictReader(_TABLE.open())}
_TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UN", "UT", "UC", "UR")
_DATES = ("AS", "DA", "DT", "TM")
_UNITS = {"Y": 365, "M": 30, "W": 7, "D": 1}
# by type 1/1C, 2/2C, 3, unknown
_MULTIPLE = {
    "Z/D": ("DDum", "Z", "Z", "DDum"),
    "X/D": ("DDum", "DDum", "X", "DDum"),
    "X/Z/D": ("DDum", "Z", "X", "DDum"),
    "X/Z": ("X", "Z", "X", "Z"),
    "X/Z/U": ("U", "Z", "X", "U"),
    "X/Z/U*": ("U", "Z", "X", "U"),
}
GONE = object()


class Unparsable(Exception):
    """A date that is none."""


class Karnak:
    """One pass over one data set."""

    def __init__(self, rules: Sequence[Mapping[str, Any]], root: DataSet, key: bytes) -> None:
        self.rules = rules
        self.root = root
        self.key = key

    def applied(self) -> dict[str, Any]:
        """The data set after the rules."""
        return self._data_set(self.root, (), len(self.rules), None)

    def _data_set(self, elements: DataSet, path: tuple[str, ...], limit: int, inherited: str | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for tag in sorted(elements):
            element = elements[tag]
            position, action = self._chosen(tag, element, path, limit, inherited)
            new = self._executed(tag, element, path, action, limit if position is None else position + 1)
            if new is not GONE:
                found[tag] = new
        return found

    def _chosen(
        self, tag: str, element: Mapping[str, Any], path: tuple[str, ...], limit: int, inherited: str | None
    ) -> tuple[int | None, str | None]:
        for position, rule in enumerate(self.rules[:limit]):
            action = self._action_of(rule, tag, element, path) if self._holds(rule.get("condition")) else None
            if action is not None:
                return position, action
        return None, inherited

    def _action_of(
        self, rule: Mapping[str, Any], tag: str, element: Mapping[str, Any], path: tuple[str, ...]
    ) -> str | None:
        private = int(tag[1:5], 16) % 2 == 1
        if rule["codename"] == "basic.dicom.profile":
            return "X" if private else _row(tag)
        chosen = not rule.get("tags") or any(_matches(pattern, tag) for pattern in rule["tags"])
        if not chosen or any(_matches(pattern, tag) for pattern in rule.get("excludedTags", ())):
            return None
        if rule["codename"] == "action.on.privatetags":
            return rule["action"] if private else None
        if rule["codename"] == "action.on.specific.tags":
            return str(rule["action"])
        if rule["codename"] == "action.on.dates":
            treated = ("DA", "DT") if rule["option"] == "date_format" else _DATES
            if element["vr"] not in treated or not _first(self.root.get(tag)):
                return None
            return f"date {self.rules.index(rule)}"
        return self._said(rule["arguments"]["expr"], tag, element)

    def _said(self, expression: str, tag: str, element: Mapping[str, Any]) -> str | None:
        """The few expressions that the generator makes."""
        condition, question, outcome = expression.partition(" ? ")
        if question:
            first, _, second = outcome.partition(" : ")
            left, _, right = condition.partition(" == ")
            value = {"stringValue": _first(self.root.get(tag)), "vr": f"#VR.{element['vr']}", "tag": tag}[left]
            return self._said(first if value == right.strip("'") else second, tag, element)
        replaced = re.fullmatch(r"Replace\('(.*)'\)", expression)
        if replaced:
            return f"replace {replaced[1]}"
        return {"Keep()": "K", "Remove()": "X", "ReplaceNull()": "Z", "UID()": "U", "null": None}[expression]

    def _holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        name, keyword, value = re.fullmatch(r"(\w+)\(#Tag\.(\w+)(?:, '(.*)')?\)", condition).groups()  # type: ignore[union-attr]
        tag = {"Modality": "(0008,0060)", "StudyDescription": "(0008,1030)", "PatientID": "(0010,0020)"}[keyword]
        found = self.root.get(tag, {}).get("value")
        text = "\\".join(found) if isinstance(found, list) else found
        if not text:
            return False
        return {
            "tagIsPresent": True,
            "tagValueIsPresent": text == value,
            "tagValueContains": (value or "") in text,
            "tagValueBeginsWith": text.startswith(value or ""),
            "tagValueEndsWith": text.endswith(value or ""),
        }[name]

    def _executed(
        self, tag: str, element: Mapping[str, Any], path: tuple[str, ...], action: str | None, limit: int
    ) -> Any:
        vr = element["vr"]
        if vr == "SQ":
            if action in ("X", "Z"):
                return GONE if action == "X" else {"vr": "SQ", "items": []}
            items = [self._data_set(item, (*path, tag), limit, action) for item in element["items"]]
            return {"vr": "SQ", "items": items}
        if action in _MULTIPLE:
            action = self._resolved(action, tag, path)
        if action == "D":
            return {"vr": vr, "value": None}
        return self._value(tag, element, path, action)

    def _value(self, tag: str, element: Mapping[str, Any], path: tuple[str, ...], action: str | None) -> Any:
        vr, first = element["vr"], _first(element)
        if action is None or action == "K":
            return dict(element)
        if action == "X":
            return GONE
        if action == "Z":
            return {"vr": vr, "value": None}
        if action == "U":
            return {"vr": "UI", "value": self._uid(first)}
        if action.startswith("replace "):
            return {"vr": vr, "value": action.removeprefix("replace ") or None}
        if action.startswith("date "):
            rule = self.rules[int(action.removeprefix("date "))]
            return self._dated(tag, vr, _first(self.root.get(tag)) if path else first, path, self._mover(rule))
        if vr in _TEXTS:
            return {"vr": vr, "value": "UNKNOWN"}
        if vr in ("DS", "IS"):
            return {"vr": vr, "value": "0"}
        if vr == "UI":
            return {"vr": vr, "value": self._uid(first)}
        if vr in _DATES:
            shift = self._scaled(0, 365), self._scaled(0, 86400)
            return self._dated(tag, vr, first, path, lambda kind, text: _shifted(kind, text, *shift))
        return {"vr": vr, "value": None}

    def _dated(self, tag: str, vr: str, text: str | None, path: tuple[str, ...], move: Any) -> Any:
        if not text:
            return {"vr": vr, "value": None}
        try:
            return {"vr": vr, "value": move(vr, text)}
        except Unparsable:
            code = self._resolved("X/Z/D", tag, path)
            fixed = {"AS": "000D", "DA": "19000101", "DT": "19000101000000.000000", "TM": "000000.000000"}[vr]
            return GONE if code == "X" else {"vr": vr, "value": None if code == "Z" else fixed}

    def _mover(self, rule: Mapping[str, Any]) -> Any:
        given = rule.get("arguments", {})
        if rule["option"] == "date_format":
            return lambda vr, text: _coarse(vr, text, given["remove"])
        if rule["option"] == "shift":
            shift = int(given["days"]), int(given["seconds"])
        elif rule["option"] == "shift_range":
            shift = (
                self._scaled(int(given.get("min_days", 0)), int(given["max_days"])),
                self._scaled(int(given.get("min_seconds", 0)), int(given["max_seconds"])),
            )
        else:
            shift = self._number(given.get("days_tag")), self._number(given.get("seconds_tag"))
        return lambda vr, text: _shifted(vr, text, *shift)

    def _number(self, tag: str | None) -> int:
        text = _first(self.root.get(tag or "")) or ""
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,9}", text.strip()) else 0

    def _resolved(self, action: str, tag: str, path: tuple[str, ...]) -> str:
        sop_class = _first(self.root.get("(0008,0016)")) or ""
        kind = iod.attribute_type(sop_class, tuple(map(_number_of, path)), _number_of(tag))
        return _MULTIPLE[action][{"1": 0, "1C": 0, "2": 1, "2C": 1, "3": 2, None: 3}[kind]]

    def _mac(self, text: str) -> bytes:
        return hmac.new(self.key, text.encode(), hashlib.sha256).digest()

    def _uid(self, text: str | None) -> str | None:
        if not text or not text.strip():
            return None
        sixteen = list(self._mac(text)[:16])
        sixteen[6] = sixteen[6] & 0x0F | 0x40
        sixteen[8] = sixteen[8] & 0x3F | 0x80
        return "2.25." + str(sum(byte * 256 ** (15 - place) for place, byte in enumerate(sixteen)))

    def _scaled(self, least: int, bound: int) -> int:
        patient = _first(self.root.get("(0010,0020)")) or ""
        share = int.from_bytes(self._mac(patient)[:6], "big") / 2.0**48
        return int(share * (bound - least)) + least


def _row(tag: str) -> str | None:
    bare = tag.strip("()").replace(",", "")
    found = _BASIC.get(bare)
    if found is None:
        patterns = ("50XXXXXX", "60XX4000", "60XX3000")
        found = next((_BASIC[pattern] for pattern in patterns if _matches(pattern, tag)), None)
    return "DDum" if found == "D" else found


def _matches(pattern: str, tag: str) -> bool:
    wanted = "".join(pattern.upper().split()).strip("()").replace(",", "")
    return all(one in ("X", other) for one, other in zip(wanted, tag.strip("()").replace(",", ""), strict=True))


def _number_of(tag: str) -> int:
    return int(tag.strip("()").replace(",", ""), 16)


def _first(element: Mapping[str, Any] | None) -> str | None:
    value = (element or {}).get("value")
    return (value[0] if value else None) if isinstance(value, list) else value


def _shifted(vr: str, text: str, days: int, seconds: int) -> str:
    if vr == "AS":
        age = re.fullmatch(r"([0-9]{1,3})([DWMY])", text)
        if age is None:
            raise Unparsable
        return f"{int(age[1]) + int(days / _UNITS[age[2]]):03}{age[2]}"
    if vr == "DA":
        return (_day(text) - timedelta(days=days)).strftime("%Y%m%d")
    if vr == "TM":
        moved = datetime(2000, 1, 2) + _time(text) - timedelta(seconds=seconds)
        return moved.strftime("%H%M%S.%f")
    return (_moment(text) - timedelta(days=days, seconds=seconds)).strftime("%Y%m%d%H%M%S.%f")


def _coarse(vr: str, text: str, remove: str) -> str:
    whole = _day(text).strftime("%Y%m%d") if vr == "DA" else _moment(text).strftime("%Y%m%d%H%M%S.%f")
    return whole[:6] + "01" + whole[8:] if remove == "day" else whole[:4] + "0101" + whole[8:]


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{8}|[0-9]{4}\.[0-9]{2}\.[0-9]{2}", text):
        raise Unparsable
    plain = text.replace(".", "")
    try:
        return date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
    except ValueError:
        raise Unparsable from None


def _time(text: str) -> timedelta:
    parts = re.fullmatch(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?", text)
    if parts is None or int(parts[2] or 0) > 59 or int(parts[3] or 0) > 60:
        raise Unparsable
    hours, minutes, seconds = int(parts[1]), int(parts[2] or 0), int(parts[3] or 0)
    fraction = int(((parts[4] or "") + "000000")[:6])
    found = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction)
    if found > timedelta(days=1):
        raise Unparsable
    return found


def _moment(text: str) -> datetime:
    """A date and time of any precision; an offset is applied, in UTC, and lost."""
    parts = re.fullmatch(r"([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9]{2}[0-9.]*)?(?:([+-])([0-9]{2})([0-9]{2}))?", text)
    if parts is None or (parts[4] and not parts[3]):
        raise Unparsable
    try:
        found = datetime(int(parts[1]), int(parts[2] or 1), int(parts[3] or 1))
    except ValueError:
        raise Unparsable from None
    if parts[4]:
        found += _time(parts[4])
    away = timedelta(hours=int(parts[6] or 0), minutes=int(parts[7] or 0))
    return found + away if parts[5] == "-" else found - away
