# SPDX-License-Identifier: Apache-2.0
"""Answers of the transfer log, written down. A page has a thousand rows, most of them of few series: what is the same
for a series is written once.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from dromos_gateway.admin.views import JSON, timestamp
from dromos_gateway.transferlog.questions import Answer, Place, Route, SeriesAtDestination, Transfer

_KEYWORDS = {  # as PS3.6 writes them, also in the table of the CSV
    "patient_id": "PatientID",
    "accession_number": "AccessionNumber",
    "study_instance_uid": "StudyInstanceUID",
    "study_description": "StudyDescription",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "series_instance_uid": "SeriesInstanceUID",
    "series_description": "SeriesDescription",
    "series_date": "SeriesDate",
    "modality": "Modality",
}
_INSTANCE = "SOPInstanceUID"
_PLACE = re.compile(r"([0-9]{1,12}\.[0-9]{1,20}),(-?[0-9]{1,19})", re.ASCII)
_LARGEST = 2**63 - 1  # what a column holds
_FLAT = (
    "id", "at", "receivedAt", "verdict", "reason", "message", "attempts", "size", "sopClassUID", "transferSyntaxUID",
    "changes", "forwardNode", "source", "destination", "profile", "secretFingerprint",
)  # fmt: skip
# what begins a formula: also in full width, small, and as a sign of mathematics
_FORMULA = "=+\\-@" + "".join(map(chr, (0xFF1D, 0xFF0B, 0xFF0D, 0xFF20, 0xFE66, 0xFE62, 0xFE63, 0xFE6B, 0x2212)))
_UNSEEN = "".join(map(chr, (0x115F, 0x1160, 0x3164, 0xFFA0)))  # letters that nobody sees
_SPLITTING = ";,|"  # at these, programs of some countries end a cell whatever RFC 4180 says
_BEGINS = re.compile(rf"(^|[{_SPLITTING}])(?=[\W_{_UNSEEN}]*?[{_FORMULA}])")
_MAY_BEGIN = re.compile(rf"[{_FORMULA}]")
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *_DIRECTIONS, *range(0xD800, 0xE000)), " ")


class Incomplete(Exception):
    """A table has no place to say that rows are missing."""


def rows_as_json(answer: Answer[Transfer]) -> str:
    """Rows, and whether these are all that there might be."""
    pages = _Json()
    rows = ", ".join([pages.row(row) for row in answer.found])
    following = json.dumps(_place(answer.following))
    return f'{{"transfers": [{rows}], "complete": {json.dumps(answer.complete)}, "next": {following}}}'


def _place(place: Place | None) -> str | None:
    """Where a page ends. It holds whatever becomes of the row that stands there."""
    return f"{place[0]!r},{place[1]}" if place is not None else None


def read_place(text: str) -> Place | None:
    """What `next` said; None where no answer ever said this."""
    found = _PLACE.fullmatch(text)
    if found is None or not -_LARGEST <= int(found[2]) <= _LARGEST:
        return None
    return float(found[1]), int(found[2])


def series_as_json(answer: Answer[SeriesAtDestination]) -> str:
    """Series at destinations, likewise."""
    return json.dumps({"series": [_series(each) for each in answer.found], "complete": answer.complete})


def as_csv(answer: Answer[Transfer]) -> tuple[str, str | None]:
    """RFC 4180, with a header, and what `next` is in JSON. Incomplete."""
    if not answer.complete:
        raise Incomplete("these identifiers fit more series than one table may be about: name a study or a series")
    target = io.StringIO()
    writer = csv.writer(target)
    names = [*_KEYWORDS.values(), _INSTANCE]
    writer.writerow([*_FLAT, *names, *(f"original{name}" for name in names)])
    pages = _Cells()
    writer.writerows(pages.row(row) for row in answer.found)
    return target.getvalue(), _place(answer.following)


def harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula, nor for several cells of which one is, and that does not move a
    terminal's cursor.
    """
    if not isinstance(cell, str):
        return cell
    text = cell if cell.isprintable() else cell.translate(_CONTROLS)
    return _BEGINS.sub(r"\1'", text) if _MAY_BEGIN.search(text) else text


class _Json:
    """Rows as the text of JSON objects. Making them of dictionaries takes three times as long."""

    def __init__(self) -> None:
        self._time = lru_cache(maxsize=4096)(timestamp)
        self._routes: dict[int, tuple[str, str, str | None]] = {}

    def row(self, row: Transfer) -> str:
        common, sent, original = self._routes.get(id(row.route)) or self._route(row.route)
        out = _object(sent, row.sop_instance_uid)
        came_in = "null" if original is None else _object(original, row.original_instance)
        return (
            f'{{"id": {row.id}, "at": "{self._time(int(row.at))}", "receivedAt": "{self._time(int(row.received_at))}", '
            f'"verdict": {quoted(row.verdict)}, "reason": {quoted(row.reason)}, "message": {quoted(row.message)}, '
            f'"attempts": {row.attempts}, "size": {row.size}, "sopClassUID": {quoted(row.sop_class_uid)}, '
            f'"transferSyntaxUID": {quoted(row.transfer_syntax_uid)}, "changes": {quoted(row.changes)}, '
            f'{common}, "sent": {out}, "original": {came_in}}}'
        )

    def _route(self, route: Route) -> tuple[str, str, str | None]:
        original = _members(keywords(route.original)) if route.original is not None else None
        made = _members(_common(route)), _members(keywords(route.sent)), original
        self._routes[id(route)] = made
        return made


class _Cells:
    """Rows as the cells of a table."""

    def __init__(self) -> None:
        self._time = lru_cache(maxsize=4096)(timestamp)
        self._routes: dict[int, tuple[list[object], list[object], list[object]]] = {}

    def row(self, row: Transfer) -> list[object]:
        common, sent, original = self._routes.get(id(row.route)) or self._route(row.route)
        own = (
            row.verdict, row.reason, row.message, row.attempts, row.size, row.sop_class_uid, row.transfer_syntax_uid,
            row.changes,
        )  # fmt: skip
        return [
            row.id, self._time(int(row.at)), self._time(int(row.received_at)), *map(harmless, own), *common, *sent,
            harmless(row.sop_instance_uid), *original, harmless(row.original_instance),
        ]  # fmt: skip

    def _route(self, route: Route) -> tuple[list[object], list[object], list[object]]:
        sent, original = route.sent, route.original or {}
        made = (
            [harmless(value) for value in _common(route).values()],
            [harmless(sent.get(name, "")) for name in _KEYWORDS],
            [harmless(original.get(name, "")) for name in _KEYWORDS],
        )
        self._routes[id(route)] = made
        return made


def _common(route: Route) -> dict[str, str]:
    return {
        "forwardNode": route.node,
        "source": route.source,
        "destination": route.destination,
        "profile": route.profile,
        "secretFingerprint": route.secret_fingerprint,
    }


def _series(each: SeriesAtDestination) -> JSON:
    """A series at a destination. `study` is the same for all series of one study that came from one source."""
    return {
        "study": each.study.hex(),
        "forwardNode": each.node,
        "source": each.source,
        "receivedAt": timestamp(each.received_at),
        "destination": each.destination,
        "profile": each.profile,
        "delivered": each.delivered,
        "excluded": each.excluded,
        "failed": each.failed,
        "waiting": each.waiting,
        "bytes": each.bytes,
        "last": timestamp(each.last),
        "reasons": dict(each.reasons),
        "sent": keywords(each.sent),
        "original": keywords(each.original) if each.original is not None else None,
    }


def keywords(values: Mapping[str, str]) -> dict[str, str]:
    """Attributes under their keywords, those without a value left out."""
    return {_KEYWORDS[name]: value for name, value in values.items() if value}


def _members(values: Mapping[str, str]) -> str:
    return ", ".join([f"{quoted(name)}: {quoted(value)}" for name, value in values.items()])


def _object(members: str, instance: str) -> str:
    if not instance:
        return f"{{{members}}}"
    return f'{{{members}, "{_INSTANCE}": {quoted(instance)}}}' if members else f'{{"{_INSTANCE}": {quoted(instance)}}}'
