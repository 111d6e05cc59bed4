# SPDX-License-Identifier: Apache-2.0
"""What notifications say, and with which values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from dromos_crds.javaformat import JavaFormat, compile_format
from dromos_gateway.configuration.settings import DestinationSettings, NotificationSettings
from dromos_gateway.notifications import schema, windows
from dromos_gateway.notifications.content import Report, joined
from dromos_gateway.spool.records import Delivery, Ending, Planned, Sent, State
from dromos_gateway.spool.schema import connect
from dromos_gateway.transferlog.recorder import Recorder
from dromos_gateway.transferlog.references import Policy
from tests.unit.gateway.records import instance
from tests.unit.karnak import Given
from tests.unit.transferlog.fronts import EXPLICIT, front

KEY = "default/archive"
SETTINGS = NotificationSettings(("a@example.org",), "**ERROR**", "**REJECTED**", "%s", ("PatientID",), 1.0, None)


def _subject(given: Given, expected: Given) -> None:
    pattern = compile_format(given["pattern"], len(given["values"]))
    assert isinstance(pattern, JavaFormat), pattern
    assert pattern.format(given["values"]) == expected["subject"]


def _join(given: Given, expected: Given) -> None:
    assert {name: joined(values) for name, values in given.items()} == expected


def _values(given: Given, expected: Given) -> None:
    changes = given["destination_deidentifies"]
    with TemporaryDirectory() as folder:
        report = _report(Path(folder), given, changes=changes)
    assert expected["notifications"] == 1
    wanted = "PSEUDO" if changes and "to-send" in expected["uses"] else "P-1"
    assert report.study["PatientID"] == wanted
    assert sum(each.sent for each in report.series) == expected["series_sent"]
    assert sum(each.excluded + each.failed for each in report.series) == expected["series_not_sent"]


def _report(folder: Path, given: Given, *, changes: bool) -> Report:
    connection = connect(folder / "ledger.sqlite")
    schema_of_log = Recorder(connection, folder)
    schema.prepare(connection)
    schema_of_log.policy = Policy({}, frozenset() if changes else frozenset({KEY}))
    destination = DestinationSettings(
        KEY, "default/radiology", 1, True, False, None, None, 1.0, notifications=SETTINGS, changes=changes
    )
    schema_of_log.on_settled = lambda on, settled: windows.gather(on, settled, destination)
    changed = front(PatientID="PSEUDO", StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
    sent = Sent("2.25.3", EXPLICIT, changed) if changes else None
    for number in range(1, given["instances"] + 1):
        arrived = replace(instance(number), transfer_syntax_uid=EXPLICIT)
        schema_of_log.arrived(connection, arrived, front(), [Planned(KEY, State.Waiting)])
        state = State.Delivered
        if number > given["sent"]:
            state = State.Failed if number <= given["sent"] + given["errors"] else State.Excluded
        ending = Ending(state, "", "", 1.0, sent if state is State.Delivered else None)
        schema_of_log.settled(connection, Delivery(number, arrived, KEY, 1, 0.0, 0.0), ending)
        schema_of_log.flush(connection)
    (window,) = windows.due(connection, 100.0, {KEY: 1.0})
    report = windows.close(connection, window, {})
    connection.close()
    assert report is not None
    return report


AREAS = {"notification.subject": _subject, "notification.join": _join, "notification.values": _values}
