# SPDX-License-Identifier: Apache-2.0
"""What workers have together is made once, stays while one of them uses it, and goes with the last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.together import together

ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import os, sys, time
from pathlib import Path
from tests.cluster.together import together
folder, log = Path(sys.argv[1]), Path(sys.argv[1]) / "log"
def note(word):
    with log.open("a") as file:
        file.write(word + "\\n")
def make():
    note("making"); time.sleep(0.2); note("made")
with together(folder, "it", make, lambda: note("gone")):
    note("used")
    deadline = time.monotonic() + 100
    while len(log.read_text().split()) < 2 + int(sys.argv[2]):  # all of them at once
        assert time.monotonic() < deadline
        time.sleep(0.02)
"""


def test_workers_share_what_the_first_has_made(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, tmp_path, "3"], cwd=ROOT, env={"PYTEST_XDIST_WORKER": f"gw{number}"}
        )
        for number in range(3)
    ]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0]
    assert (tmp_path / "log").read_text().split() == ["making", "made", "used", "used", "used", "gone"]


def test_who_comes_after_the_last_makes_it_again(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with together(tmp_path, "it", lambda: said.append("made"), lambda: said.append("gone")):
            said.append("used")
    assert said == ["made", "used", "gone"] * 2


def test_what_could_not_be_made_is_made_by_the_next(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("no")

    said: list[str] = []
    with pytest.raises(OSError, match="no"), together(tmp_path, "it", fail, lambda: said.append("gone")):
        pass
    with together(tmp_path, "it", lambda: said.append("made"), lambda: said.append("gone")):
        pass
    assert said == ["made", "gone"]
