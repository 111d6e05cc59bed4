# SPDX-License-Identifier: Apache-2.0
"""Instances that a peer dies of: what waits behind them goes on, and in the end they are dead letters."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from pydicom import dcmread

from tests.wire.gateway.peers import GatewayProcess, eventually, free_port, make_study, storescu

PEER = Path(__file__).resolve().parents[3] / "hack/test-peers/dying.py"
POISON = 6  # more than the breaker takes


def patient(folder: Path, name: str, count: int) -> None:
    for path in folder.iterdir():
        if count:
            data = dcmread(path)
            data.PatientID = name
            data.save_as(path)
            count -= 1


def test_a_peer_that_aborts_on_some_instances_gets_the_others(gateway: GatewayProcess, tmp_path: Path) -> None:
    port, stored = free_port(), tmp_path / "stored"
    stored.mkdir()
    peer = subprocess.Popen([sys.executable, str(PEER), str(port), str(stored), "POISON"], stderr=subprocess.DEVNULL)
    try:
        gateway.destination("a", port, "suspend: true")
        gateway.start()
        poison = make_study(tmp_path / "study", POISON)
        patient(poison, "POISON", POISON)
        storescu(gateway.port, poison)
        good = make_study(tmp_path / "good", 20)  # of the same study: no turn of its own
        study = dcmread(next(poison.iterdir())).StudyInstanceUID
        for path in good.iterdir():
            data = dcmread(path)
            data.StudyInstanceUID = study
            data.save_as(path)
        storescu(gateway.port, good)
        gateway.destination("a", port)
        eventually(lambda: gateway.queue("a")["delivered"] == 20, f"the others arrive; {gateway.queue('a')}")
        for number in range(150):
            if gateway.queue("a")["failed"] == POISON:
                break
            storescu(gateway.port, make_study(tmp_path / f"more-{number}", 1))
            eventually(lambda n=21 + number: gateway.queue("a")["delivered"] == n, "it is not held up", 20.0)
            time.sleep(0.5)  # the pauses between attempts double
        found = gateway.get("/v1/failures")["failures"]
        assert [each["reason"] for each in found] == ["PeerFailsOnInstance"] * POISON
        assert "abort" in found[0]["message"]
        assert gateway.queue("a")["waiting"] == 0
    finally:
        peer.kill()
        peer.wait()
