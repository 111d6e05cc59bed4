# SPDX-License-Identifier: Apache-2.0
"""The transfer log at the admin port: what is asked, and answers as JSON or CSV."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from dromos_gateway.admin.headers import NEXT
from dromos_gateway.admin.naming import Ambiguous, full_name
from dromos_gateway.admin.transferpages import Incomplete, as_csv, read_place, rows_as_json, series_as_json
from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.gateway import Gateway
from dromos_gateway.transferlog.questions import MOST, VERDICTS, Place, Question

_PARAMETERS = {
    "patient": "patient_id",
    "accession": "accession_number",
    "study": "study_instance_uid",
    "series": "series_instance_uid",
    "sop": "sop_instance_uid",
    "destination": "destination",
    "verdict": "verdict",
}
_OF_STUDIES = {"patient", "accession", "study", "series", "destination"}
_WHOLE = re.compile("-?[0-9]{1,20}", re.ASCII)


class BadQuestion(ValueError):
    """The query string cannot be understood; the message says why."""


def routes(gateway: Gateway) -> list[web.RouteDef]:
    """GET /v1/transfers and /v1/studies."""
    transfer_log = gateway.transfer_log

    async def transfers(request: web.Request) -> web.Response:
        try:
            question = read_question(request.query, gateway.configuration)
        except BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        if request.query.get("format") == "csv":
            try:
                table, following = await transfer_log.transfers(question, as_csv)
            except Incomplete as error:
                return web.json_response({"error": str(error)}, status=400)
            headers = {NEXT: following} if following is not None else {}
            return web.Response(text=table, content_type="text/csv", headers=headers)
        return _json(await transfer_log.transfers(question, rows_as_json))

    async def studies(request: web.Request) -> web.Response:
        try:
            question = read_question(request.query, gateway.configuration)
        except BadQuestion as error:
            return web.json_response({"error": str(error)}, status=400)
        if of_images := request.query.keys() - _OF_STUDIES:
            return web.json_response({"error": f"{min(of_images)} is of images: ask /v1/transfers"}, status=400)
        if not question.identifiers:
            return web.json_response({"error": "name a patient, accession, study or series"}, status=400)
        return _json(await transfer_log.series(question, series_as_json))

    return [web.get("/v1/transfers", transfers), web.get("/v1/studies", studies)]


def read_question(query: Mapping[str, str], configuration: Configuration) -> Question:
    """A question from a query string. BadQuestion."""
    unknown = query.keys() - _PARAMETERS.keys() - {"since", "until", "limit", "before", "format"}
    if unknown:
        raise BadQuestion(f"{min(unknown)} is not a filter; there are {', '.join(_PARAMETERS)}, since, until, limit")
    if empty := [name for name, value in query.items() if not value]:  # which would ask for everything
        raise BadQuestion(f"{min(empty)} is empty")
    if repeated := [name for name, number in Counter(name for name, _ in query.items()).items() if number > 1]:
        raise BadQuestion(f"{min(repeated)} is given more than once")
    if query.get("format", "json") not in ("json", "csv"):
        raise BadQuestion("format is one of json, csv")
    words: dict[str, Any] = {field: query[name] for name, field in _PARAMETERS.items() if name in query}
    if words.get("verdict", "Failed") not in VERDICTS:
        raise BadQuestion(f"verdict is one of {', '.join(VERDICTS)}")
    if "destination" in words:
        try:
            words["destination"] = full_name(words["destination"], configuration)
        except Ambiguous as error:
            raise BadQuestion(str(error)) from None
    for name in ("since", "until"):
        if name in query:
            words[name] = _time(query[name])
    if "limit" in query:
        words["limit"] = _limit(query["limit"])
    if "before" in query:
        words["before"] = _before(query["before"])
    return Question(**words)


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json")


def _time(text: str) -> float:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuestion(f"{text!r} is not a time; write 2026-01-31 or 2026-01-31T13:00:00Z") from None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _before(text: str) -> Place:
    place = read_place(text)
    if place is None:
        raise BadQuestion("before is what the answer before said as next")
    return place


def _limit(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise BadQuestion("limit is a whole number")
    number = int(text)
    if not 1 <= number <= MOST:
        raise BadQuestion(f"limit is 1 to {MOST}")
    return number
