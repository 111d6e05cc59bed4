# SPDX-License-Identifier: Apache-2.0
"""What a server's answer means for each instance of a request (PS3.18 Table 10.5.3-3, §8.5; design of delivery).

The body decides, instance by instance and matched by UID; the HTTP status only where there is no body that can be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TypeAlias

from dromos_gateway.delivery.outcome import Outcome, Refused, Sent, TryAgain
from dromos_gateway.stow.dicomjson import parse_json
from dromos_gateway.stow.dicomxml import parse_xml
from dromos_gateway.stow.failurereason import read_failure, warning
from dromos_gateway.stow.report import Failed, StoreReport, UnreadableReport, read_report
from dromos_gateway.web.errors import origin
from dromos_gateway.web.exchange import Answer
from dromos_gateway.web.retryafter import retry_after

_BEFORE = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"  # byte order marks, white space, and how UTF-16 writes it
_SERVER = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]+)?")
# statuses of a client's error whose body may be a Store Instances Response: they are about what was sent. The others
# (401, 403, 404, …) are about who asks, and where: nothing was stored there
_WITH_REPORT = frozenset((400, 409, 413, 415, 422))
# some were stored, some not: Orthanc may leave it at that (HttpDescribeErrors), and answers in full to a single one
SOME_STORED = frozenset((202, 206))


@dataclass(frozen=True, slots=True)
class Unclear:
    """The answer is about the request, not about this instance: only a smaller one tells."""

    alone: Outcome  # what the answer means when the instance was the only one


Verdict: TypeAlias = Outcome | Unclear


def read_answer(answer: Answer, uids: Sequence[str]) -> tuple[Verdict, ...]:
    """A verdict for each SOP Instance UID that was sent, in that order."""
    told = 200 <= answer.status < 300 or answer.status in _WITH_REPORT or answer.status >= 500
    report = _report(answer) if told else None
    if report is not None:
        return tuple(_instance(report, uid, len(uids), answer) for uid in uids)
    return (_without_report(answer, alone=len(uids) == 1),) * len(uids)


def _report(answer: Answer) -> StoreReport | None:
    """What the body says; its first character tells what it is, whatever the server calls it."""
    if not answer.complete:
        return None
    parse = parse_xml if answer.body.lstrip(_BEFORE)[:1] == b"<" else parse_json
    try:
        return read_report(parse(answer.body.lstrip()))
    except UnreadableReport:
        return None


def _instance(report: StoreReport, uid: str, sent: int, answer: Answer) -> Verdict:
    status = answer.status
    if (failure := report.failed.get(uid)) is not None:  # should it stand among the stored ones as well: doubtful
        return _failed(failure, answer)
    if uid in report.stored:
        reason = report.stored[uid]
        return Sent(warning(reason) if reason is not None else "")
    if sent == 1 and len(report.others) == 1 and not report.stored and not report.failed:
        return _failed(report.others[0], answer)  # the only one that it can be about
    if status in (400, 409):  # Orthanc's answer to what it cannot parse
        return Unclear(Refused("RefusedByPeer", f"{_said(status)}, and the body does not mention the instance"))
    if status >= 400:
        return _without_report(answer, alone=sent == 1)
    return Unclear(TryAgain(f"{_said(status)}, and the body does not mention the instance: unknown outcome"))


def _failed(failure: Failed, answer: Answer) -> Outcome:
    """An instance's own reason; when to come back, the server says for all of them."""
    outcome = read_failure(failure)
    return replace(outcome, retry_after=retry_after(answer.headers)) if isinstance(outcome, TryAgain) else outcome


def _without_report(answer: Answer, *, alone: bool) -> Verdict:
    status = answer.status
    said = _said(status)
    wait = retry_after(answer.headers)
    match status:
        case 400 | 409 | 415 | 422:
            return Unclear(Refused("RefusedByPeer", f"{said}, without saying why"))
        case 501:
            return Unclear(Refused("RefusedByPeer", f"{said}: the server stores no such SOP class"))
        case 413:
            return Unclear(Refused("TooLarge", f"{said}: the server takes no instance of this size"))
        case 401 | 403:
            return TryAgain(f"{said}: the server does not accept the credentials", refuses_us=True)
        case 407:
            return TryAgain(f"{said}: the proxy that the environment names wants credentials", refuses_us=True)
        case 408 | 425 | 429:
            return TryAgain(said, blames_destination=wait is None, retry_after=wait)
        case _ if 200 <= status < 300:
            text = f"{said}, but no STOW-RS response in the body: unknown outcome; is spec.stow.url right?"
            untold = TryAgain(text, refuses_us=True)
            return Unclear(untold) if status in SOME_STORED else untold
        case _ if 300 <= status < 400:
            return TryAgain(f"{said} to {_target(answer)}: not followed; is spec.stow.url right?", refuses_us=True)
        case _ if 400 <= status < 500:
            return TryAgain(f"{said}: unknown outcome; is spec.stow.url right?", refuses_us=True)
        case _:
            return TryAgain(said, retry_after=wait, suspects_instance=alone and status == 500)


def _said(status: int) -> str:
    """The standard's words: what a server writes behind its status may be anything."""
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _target(answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if "://" not in location:
        return "another path of the same server"
    try:
        where = origin(location)
    except ValueError:
        return "somewhere"
    return where if _SERVER.fullmatch(where) else "somewhere"
