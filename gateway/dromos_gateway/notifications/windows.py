# SPDX-License-Identifier: Apache-2.0
"""Gathers what becomes of a study at a destination, until its window closes. Runs in the committer's transactions."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.notifications.content import Report, SeriesReport
from dromos_gateway.pipeline import DESTINATION_DISABLED
from dromos_gateway.spool.records import State
from dromos_gateway.transferlog.recorder import Settled

_QUIET = 10.0  # seconds without an instance after which a window may close
_LONGEST = 10  # intervals after which it closes although instances still come
_MOST_REASONS = 20
_OTHERS = "other reasons"
_CUT = 200  # characters of a reason
_COLUMNS = (State.Delivered, State.Excluded, State.Failed)
_STUDY = {
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
    "StudyInstanceUID": "study_instance_uid",
    "StudyDescription": "study_description",
    "StudyDate": "study_date",
    "StudyTime": "study_time",
}
_SERIES = {
    "SeriesInstanceUID": "series_instance_uid",
    "SeriesDescription": "series_description",
    "SeriesDate": "series_date",
    "Modality": "modality",
}


def gather(connection: sqlite3.Connection, settled: Sequence[Settled], destination: DestinationSettings) -> None:
    """Count what became of instances at one destination, opening windows where none are."""
    studies: dict[tuple[str, bytes], list[Settled]] = {}
    for each in settled:
        if each.ending.reason != DESTINATION_DISABLED:  # somebody's decision, not news
            studies.setdefault((each.instance.calling_ae_title, each.study), []).append(each)
    for (source, study), those in studies.items():
        times = [each.ending.at for each in those]
        (window,) = connection.execute(
            "INSERT INTO notice_windows (destination, node, source, study, opened_at, last_at) "
            "VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (destination, source, study) DO UPDATE SET last_at = max(last_at, excluded.last_at) "
            "RETURNING id",
            (destination.key, those[0].instance.node, source, study, min(times), max(times)),
        ).fetchone()
        routes: dict[int, list[Settled]] = {}
        for each in those:
            routes.setdefault(each.route, []).append(each)
        for route, images in routes.items():
            _count(connection, window, route, images, changed=destination.changes)


def _count(
    connection: sqlite3.Connection, window: int, route: int, images: Sequence[Settled], *, changed: bool
) -> None:
    row = connection.execute(
        "SELECT sop_classes, reasons FROM notice_series WHERE window = ? AND route = ?", (window, route)
    ).fetchone()
    classes, reasons = (json.loads(row[0]), json.loads(row[1])) if row is not None else ([], {})
    counts = dict.fromkeys(_COLUMNS, 0)
    for each in images:
        ending = each.ending
        counts[ending.state] += 1
        if each.instance.sop_class_uid not in classes:
            classes.append(each.instance.sop_class_uid)
        if ending.state is not State.Delivered:
            said = _said(ending.reason, ending.message, changed=changed)
            if said not in reasons and len(reasons) >= _MOST_REASONS:
                said = _OTHERS
            reasons[said] = reasons.get(said, 0) + 1
    connection.execute(
        "INSERT INTO notice_series (window, route, delivered, excluded, failed, sop_classes, reasons) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (window, route) DO UPDATE SET "
        "delivered = delivered + excluded.delivered, excluded = notice_series.excluded + excluded.excluded, "
        "failed = failed + excluded.failed, sop_classes = excluded.sop_classes, reasons = excluded.reasons",
        (window, route, *(counts[state] for state in _COLUMNS), json.dumps(classes), json.dumps(reasons)),
    )


def _said(reason: str, message: str, *, changed: bool) -> str:
    """A peer's words may name the patient: where something is changed before it goes out, the reason is enough."""
    text = reason if changed or not message or message == reason else f"{reason}: {message}"
    return text[:_CUT]


def due(connection: sqlite3.Connection, now: float, intervals: Mapping[str, float]) -> list[int]:
    """Windows that may close. Those of a destination that has no notifications any more close at once."""
    found = []
    for number, destination, opened, last in connection.execute(
        "SELECT id, destination, opened_at, last_at FROM notice_windows"
    ):
        interval = intervals.get(destination, 0.0)
        quiet = now >= last + min(_QUIET, interval)
        if now >= opened + interval and (quiet or now >= opened + _LONGEST * interval):
            found.append(number)
    return found


def routes(connection: sqlite3.Connection) -> list[int]:
    """What windows that are open speak of."""
    return [number for (number,) in connection.execute("SELECT DISTINCT route FROM notice_series")]


def close(
    connection: sqlite3.Connection, window: int, targets: Mapping[str, str], shielded: Collection[str] = ()
) -> Report | None:
    """Take a window away and give what it gathered; None when it is gone.

    Of `shielded` destinations, which get nothing as it came in, only that is told which a profile has made.
    """
    row = connection.execute(
        "DELETE FROM notice_windows WHERE id = ? RETURNING destination, node, source, opened_at, last_at", (window,)
    ).fetchone()
    if row is None:
        return None
    destination, node, source, opened, last = row
    names = [*_STUDY.values(), *_SERIES.values()]
    rows = connection.execute(
        "SELECT n.delivered, n.excluded, n.failed, n.sop_classes, n.reasons, r.series, r.secret_fingerprint, "  # noqa: S608
        f"{', '.join(f'r.{name}' for name in names)} "
        "FROM notice_series n JOIN log_routes r ON r.id = n.route WHERE n.window = ? ORDER BY r.id",
        (window,),
    ).fetchall()
    connection.execute("DELETE FROM notice_series WHERE window = ?", (window,))
    found = _of_series(rows, names, shielded=destination in shielded)
    shown = next((values for _, values in found if values.get("study_instance_uid")), {})
    return Report(
        destination,
        targets.get(destination, ""),
        node,
        source,
        opened,
        last,
        _under_keywords(_STUDY, shown),
        tuple(replace(report, values=_under_keywords(_SERIES, values)) for report, values in found),
    )


def _of_series(
    rows: Iterable[tuple[Any, ...]], names: Sequence[str], *, shielded: bool
) -> list[tuple[SeriesReport, Mapping[str, Any]]]:
    """A report for each series as the destination knows it. What never got there counts with the rest of its series."""
    nothing = ("",) * len(names)
    gathered: dict[tuple[int, tuple[str, ...]], list[SeriesReport]] = {}
    for sent, excluded, failed, classes, reasons, series, fingerprint, *values in rows:
        named = nothing if shielded and not fingerprint else tuple(values)
        report = SeriesReport({}, json.loads(classes), sent, excluded, failed, json.loads(reasons))
        gathered.setdefault((series, named), []).append(report)
    for series in [number for number, named in gathered if named == nothing]:
        known = next((key for key in gathered if key[0] == series and key[1] != nothing), None)
        if known is not None:
            gathered[known] += gathered.pop((series, nothing))
    return [(_together(reports), dict(zip(names, named, strict=True))) for (_, named), reports in gathered.items()]


def _together(reports: Sequence[SeriesReport]) -> SeriesReport:
    reasons: Counter[str] = Counter()
    for each in reports:
        reasons.update(each.reasons)
    return SeriesReport(
        {},
        list(dict.fromkeys(uid for each in reports for uid in each.sop_classes)),
        sum(each.sent for each in reports),
        sum(each.excluded for each in reports),
        sum(each.failed for each in reports),
        dict(reasons),
    )


def _under_keywords(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    return {keyword: values[name] for keyword, name in names.items() if values.get(name)}
