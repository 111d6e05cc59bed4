# SPDX-License-Identifier: Apache-2.0
"""The transfer log at the admin port: rows as JSON or CSV, and what became of studies."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from dromos_gateway.admin.views import JSON, timestamp
from dromos_gateway.transferlog.log import TransferLog
from dromos_gateway.transferlog.queries import MOST, Question, SeriesAtDestination, Transfer

_PARAMETERS = {
    "patient": "patient_id",
    "accession": "accession_number",
    "study": "study_instance_uid",
    "series": "series_instance_uid",
    "sop": "sop_instance_uid",
    "destination": "destination",
    "verdict": "verdict",
}
_LARGEST = 2**63 - 1  # what a column holds
_VERDICTS = ("Delivered", "Excluded", "Failed")
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
    "sop_instance_uid": "SOPInstanceUID",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet would execute


class BadQuestion(ValueError):
    """The query string cannot be understood; the message says why."""


def routes(transfer_log: TransferLog) -> list[web.RouteDef]:
    """GET /v1/transfers and /v1/studies."""

    async def transfers(request: web.Request) -> web.Response:
        try:
            question = read_question(request.query)
        except BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        rows = await transfer_log.transfers(question)
        if request.query.get("format") == "csv":
            return web.Response(text=as_csv(rows), content_type="text/csv")
        return web.json_response({"transfers": [as_json(row) for row in rows]})

    async def studies(request: web.Request) -> web.Response:
        try:
            question = read_question(request.query)
        except BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        if not question.identifiers:
            return web.json_response({"error": "name a patient, accession, study or series"}, status=400)
        return web.json_response({"series": [series_as_json(each) for each in await transfer_log.series(question)]})

    return [web.get("/v1/transfers", transfers), web.get("/v1/studies", studies)]


def read_question(query: Mapping[str, str]) -> Question:
    """A question from a query string. BadQuestion."""
    unknown = query.keys() - _PARAMETERS.keys() - {"since", "until", "limit", "before", "format"}
    if unknown:
        raise BadQuestion(f"{min(unknown)} is not a filter; there are {', '.join(_PARAMETERS)}, since, until, limit")
    words: dict[str, Any] = {field: query[name] for name, field in _PARAMETERS.items() if name in query}
    if words.get("verdict", "Failed") not in _VERDICTS:
        raise BadQuestion(f"verdict is one of {', '.join(_VERDICTS)}")
    if (destination := words.get("destination")) and "/" not in destination:
        words["destination"] = f"default/{destination}"
    for name in ("since", "until"):
        if name in query:
            words[name] = _time(query[name])
    for name in ("limit", "before"):
        if name in query:
            words[name] = _number(name, query[name])
    return Question(**words)


def as_json(row: Transfer) -> JSON:
    """A row."""
    return {
        "id": row.id,
        "at": timestamp(row.at),
        "receivedAt": timestamp(row.received_at),
        "forwardNode": row.node,
        "source": row.source,
        "destination": row.destination,
        "verdict": row.verdict,
        "reason": row.reason,
        "message": row.message,
        "attempts": row.attempts,
        "size": row.size,
        "sopClassUID": row.sop_class_uid,
        "transferSyntaxUID": row.transfer_syntax_uid,
        "profile": row.profile,
        "secretFingerprint": row.secret_fingerprint,
        "changes": row.changes,
        "sent": keywords({**row.sent, "sop_instance_uid": row.sop_instance_uid}),
        "original": keywords(row.original) if row.original is not None else None,
    }


def series_as_json(each: SeriesAtDestination) -> JSON:
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


def keywords(values: Mapping[str, str]) -> JSON:
    """Attributes under their keywords, those without a value left out."""
    return {_KEYWORDS[name]: value for name, value in values.items() if value}


def as_csv(rows: list[Transfer]) -> str:
    """RFC 4180, with a header; no cell is a formula to a spreadsheet."""
    target = io.StringIO()
    writer = csv.writer(target)
    flat = [
        "id", "at", "receivedAt", "forwardNode", "source", "destination", "verdict", "reason", "message", "attempts",
        "size", "sopClassUID", "transferSyntaxUID", "profile", "secretFingerprint", "changes",
    ]  # fmt: skip
    names = list(_KEYWORDS.values())
    writer.writerow([*flat, *names, *(f"original{name}" for name in names)])
    for row in rows:
        shown = as_json(row)
        original = shown["original"] or {}
        cells = [shown[name] for name in flat]
        cells += [shown["sent"].get(name, "") for name in names] + [original.get(name, "") for name in names]
        writer.writerow([harmless(cell) for cell in cells])
    return target.getvalue()


def harmless(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what might be one."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def _time(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuestion(f"{text!r} is not a time; write 2026-01-31 or 2026-01-31T13:00:00Z") from None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _number(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise BadQuestion(f"{name} is a whole number") from None
    if name == "limit" and not 1 <= number <= MOST:
        raise BadQuestion(f"limit is 1 to {MOST}")
    if not -_LARGEST <= number <= _LARGEST:
        raise BadQuestion(f"{name} is no number of a row")
    return number
