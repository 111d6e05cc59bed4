# SPDX-License-Identifier: Apache-2.0
"""Somebody sets the clock, forwards or back: nothing expires, nothing waits for a day, nothing is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.wire.gateway.peers import data_sets, eventually, free_port, make_study, storescu


@pytest.fixture
def wall_clock(gateway, tmp_path):
    """Set the gateway's wall clock (libfaketime); its monotonic clock is the kernel's, as on a real machine."""
    said = subprocess.run(
        ["faketime", "-m", "1h", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    offset = Path(tmp_path / "offset")
    gateway.environment = {
        "LD_PRELOAD": said.stdout.strip(),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

    def step(text: str) -> None:
        temporary = offset.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(offset)

    step("+0")
    return step


@pytest.mark.parametrize("steps", [("-2d", "+0"), ("+400d", "+0"), ("+8d", "-1d", "+30d")])
def test_what_waits_goes_on_when_the_clock_is_set(gateway, receiver, tmp_path, wall_clock, steps):
    up, down = receiver("up").start(), receiver("down")
    gateway.destination("up", up.port)
    gateway.destination("down", down.port, "retry: {maxAge: 168h}")
    gateway.start()
    studies = [make_study(tmp_path / "study", 3)]
    storescu(gateway.port, studies[0])
    eventually(lambda: gateway.queue("down")["breaker"] != "Closed", "the other one's breaker opens")
    before = gateway.queue("down")["oldest"]
    for number, step in enumerate(steps):
        wall_clock(step)
        studies.append(make_study(tmp_path / f"study{number}", 3))
        storescu(gateway.port, studies[-1])
        up.has(3 * len(studies), timeout=10)
    assert gateway.queue("down")["oldest"] == before
    down.start()
    down.has(3 * len(studies), timeout=75)  # the slowest probe comes after 60 s
    sent = {uid: data for study in studies for uid, data in data_sets(study).items()}
    for each in (up, down):
        eventually(lambda each=each: data_sets(each.folder) == sent, "all is there, byte by byte")
    assert gateway.queue("down")["failed"] == 0


def test_a_restart_at_another_time_keeps_what_waits(gateway, receiver, tmp_path, wall_clock):
    a = receiver("a")
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    gateway.kill()
    wall_clock("-3d")
    a.start()
    gateway.start()
    a.has(3)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all is there")


@pytest.mark.parametrize("step", ["+400d", "-400d"])
def test_a_dead_letter_that_is_retried_after_the_clock_was_set_goes_at_once(
    gateway, receiver, tmp_path, wall_clock, step
):
    a = receiver("a").start()
    gateway.destination("a", free_port())
    gateway.destination("other", free_port())
    gateway.start()
    study = make_study(tmp_path / "study", 1)
    storescu(gateway.port, study)
    (gateway.manifests / "destination-other.yaml").unlink()
    letter = eventually(lambda: gateway.get("/v1/failures")["failures"], "its queue is a dead letter")[0]["id"]
    gateway.destination("a", a.port)
    a.has(1)  # what was sent goes there; from now on nothing else wakes its queue
    eventually(lambda: gateway.queue("a")["waiting"] == 0, "it is done")
    wall_clock(step)
    (a.folder / next(iter(a.folder.iterdir()))).unlink()
    assert gateway.get(f"/v1/failures/{letter}/retry?destination=a", method="POST")["state"] == "Waiting"
    a.has(1)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "it is there, byte by byte")
    assert gateway.get("/v1/failures")["failures"] == []


def test_it_really_lives_at_another_time(gateway, wall_clock):
    gateway.destination("a", free_port())
    wall_clock("+400d")
    gateway.start()
    year = int(gateway.log().partition('"time": "')[2][:4])
    real = int(subprocess.run(["date", "+%Y"], capture_output=True, text=True, check=True).stdout)
    assert year in (real + 1, real + 2)
