# SPDX-License-Identifier: Apache-2.0
"""Instances that a peer dies of: what waits behind them goes on, and in the end they are dead letters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.wire.gateway.peers import GatewayProcess, eventually, free_port, make_study, storescu

PEER = Path(__file__).resolve().parents[3] / "hack/test-peers/dying.py"
POISON = 6  # more than the breaker takes


def mixed_study(folder: Path, poison: int, good: int) -> tuple[Path, Path]:
    """A folder of instances that the peer dies of, and one of others of the same study: they get no turn of their own."""
    first, second = make_study(folder / "poison", poison), make_study(folder / "good", good)
    study = dcmread(next(first.iterdir())).StudyInstanceUID
    for path in (*first.iterdir(), *second.iterdir()):
        data = dcmread(path)
        data.StudyInstanceUID = study
        if path.parent == first:
            data.PatientID = "POISON"
        data.save_as(path)
    return first, second


def until_given_up(gateway: GatewayProcess, folder: Path, delivered: int, poison: int) -> list[dict[str, str]]:
    """Send others, one at a time, until the poisonous ones are dead letters; none of the others is held up."""
    for number in range(1, 100):
        if gateway.queue("a")["failed"] == poison:
            break
        storescu(gateway.port, make_study(folder / f"more-{number}", 1))
        eventually(lambda: gateway.queue("a")["delivered"] == delivered + number, "it is not held up")  # noqa: B023
    assert gateway.queue("a")["waiting"] == 0
    failures: list[dict[str, str]] = gateway.get("/v1/failures")["failures"]
    assert [each["reason"] for each in failures] == ["PeerFailsOnInstance"] * poison
    return failures


@pytest.mark.parametrize(("how", "words"), [("abort", "abort"), ("0110", "0110 processing failure")])
def test_a_peer_that_fails_on_some_instances_gets_the_others(
    gateway: GatewayProcess, tmp_path: Path, how: str, words: str
) -> None:
    port, stored = free_port(), tmp_path / "stored"
    stored.mkdir()
    command = [sys.executable, str(PEER), str(port), str(stored), "POISON", how]
    peer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        gateway.program = "tests.wire.gateway.impatient"
        gateway.destination("a", port, "suspend: true")
        gateway.start()
        for folder in mixed_study(tmp_path / "study", POISON, 20):
            storescu(gateway.port, folder)
        gateway.destination("a", port)
        eventually(lambda: gateway.queue("a")["delivered"] == 20, f"the others arrive; {gateway.queue('a')}")
        for failure in until_given_up(gateway, tmp_path, 20, POISON):
            assert words in failure["message"]
            assert "others were delivered in between" in failure["message"]
        assert not [path for path in stored.iterdir() if dcmread(path, force=True).PatientID == "POISON"]
    finally:
        peer.kill()
        peer.wait()
