# SPDX-License-Identifier: Apache-2.0
"""A window may be open for longer than the transfer log keeps what it speaks of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.notifications import windows
from dromos_gateway.notifications.notifier import Notifier
from dromos_gateway.spool.records import Planned, State
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog import retention
from dromos_gateway.transferlog.log import TransferLog
from tests.unit.gateway.records import instance
from tests.unit.notifications.reports import DESTINATION, KEY
from tests.unit.transferlog.fronts import front


async def test_what_an_open_window_speaks_of_outlives_the_log(tmp_path: Path) -> None:
    spool = Spool(tmp_path, None)
    try:
        configuration = Configuration({}, {KEY: DESTINATION}, (), "")
        log = TransferLog(spool, configuration, lambda: 2000.0)
        notifier = Notifier(spool, log.recorder, configuration, lambda: 2000.0, Random(1))
        ledger, recorder = spool.ledger, log.recorder

        def excluded(patient: str, study: str) -> None:
            elements = {"PatientID": patient, "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1"}
            arrived = replace(instance(0), study=study)
            recorder.arrived(ledger, arrived, front(**elements), [Planned(KEY, State.Excluded, "a rule")])
            recorder.flush(ledger)

        excluded("ALICE", "1.1")
        recorder.move(ledger)
        retention.remove(ledger, 1e9, [retention.Bounds(0.0, 1000)])
        recorder.tidy(ledger)
        excluded("BOB", "2.2")
        told = [windows.close(ledger, number, {}) for number in windows.due(ledger, 1e12, {KEY: 3600.0})]
        assert [each.study["PatientID"] for each in told if each is not None] == ["ALICE", "BOB"]
        recorder.move(ledger)
        retention.remove(ledger, 1e9, [retention.Bounds(0.0, 1000)])
        recorder.tidy(ledger)
        assert ledger.execute("SELECT count(*) FROM log_routes").fetchone() == (0,), "told: nobody speaks of it"
        notifier.close()
        log.close()
    finally:
        await spool.close()
