# SPDX-License-Identifier: Apache-2.0
"""Gathers what becomes of a study at a destination, until its window closes. Runs in the committer's transactions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.notifications.content import Report, SeriesReport
from dromos_gateway.pipeline import DESTINATION_DISABLED
from dromos_gateway.spool.records import State
from dromos_gateway.transferlog.recorder import Settled

_QUIET = 10.0  # seconds without an instance after which a window may close
_LONGEST = 10  # intervals after which it closes although instances still come
_MOST_REASONS = 20
_CUT = 200  # characters of a reason
_COLUMNS = {State.Delivered: "delivered", State.Excluded: "excluded", State.Failed: "failed"}
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


def gather(connection: sqlite3.Connection, settled: Settled, destination: DestinationSettings) -> None:
    """Count one instance, opening a window where none is."""
    ending = settled.ending
    if ending.reason == DESTINATION_DISABLED:  # somebody's decision, not news
        return
    (window,) = connection.execute(
        "INSERT INTO notice_windows (destination, node, source, study, opened_at, last_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (destination, source, study) DO UPDATE SET last_at = excluded.last_at RETURNING id",
        (
            settled.destination, settled.instance.node, settled.instance.calling_ae_title, settled.study,
            ending.at, ending.at,
        ),
    ).fetchone()  # fmt: skip
    row = connection.execute(
        "SELECT sop_classes, reasons FROM notice_series WHERE window = ? AND route = ?", (window, settled.route)
    ).fetchone()
    classes, reasons = (json.loads(row[0]), json.loads(row[1])) if row is not None else ([], {})
    if settled.instance.sop_class_uid not in classes:
        classes.append(settled.instance.sop_class_uid)
    if ending.state is not State.Delivered:
        said = _said(ending.reason, ending.message, changed=destination.changes)
        if said in reasons or len(reasons) < _MOST_REASONS:
            reasons[said] = reasons.get(said, 0) + 1
    column = _COLUMNS[ending.state]
    connection.execute(
        f"INSERT INTO notice_series (window, route, {column}, sop_classes, reasons) VALUES (?, ?, 1, ?, ?) "  # noqa: S608
        f"ON CONFLICT (window, route) DO UPDATE SET {column} = {column} + 1, sop_classes = excluded.sop_classes, "
        "reasons = excluded.reasons",
        (window, settled.route, json.dumps(classes), json.dumps(reasons)),
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


def close(connection: sqlite3.Connection, window: int, targets: Mapping[str, str]) -> Report | None:
    """Take a window away and give what it gathered; None when it is gone."""
    row = connection.execute(
        "DELETE FROM notice_windows WHERE id = ? RETURNING destination, node, source, opened_at, last_at", (window,)
    ).fetchone()
    if row is None:
        return None
    destination, node, source, opened, last = row
    names = [*_STUDY.values(), *_SERIES.values()]
    rows = connection.execute(
        f"SELECT n.delivered, n.excluded, n.failed, n.sop_classes, n.reasons, {', '.join(f'r.{n}' for n in names)} "  # noqa: S608
        "FROM notice_series n JOIN log_routes r ON r.id = n.route WHERE n.window = ? ORDER BY r.id",
        (window,),
    ).fetchall()
    connection.execute("DELETE FROM notice_series WHERE window = ?", (window,))
    values = [dict(zip(names, each[5:], strict=True)) for each in rows]
    shown = next((each for each in values if each["study_instance_uid"]), {})
    return Report(
        destination,
        targets.get(destination, ""),
        node,
        source,
        opened,
        last,
        _under_keywords(_STUDY, shown),
        tuple(_series(each, value) for each, value in zip(rows, values, strict=True)),
    )


def _series(row: tuple[Any, ...], values: Mapping[str, Any]) -> SeriesReport:
    delivered, excluded, failed, classes, reasons = row[:5]
    shown = _under_keywords(_SERIES, values)
    return SeriesReport(shown, json.loads(classes), delivered, excluded, failed, json.loads(reasons))


def _under_keywords(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    return {keyword: values[name] for keyword, name in names.items() if values.get(name)}
