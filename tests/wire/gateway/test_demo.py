# SPDX-License-Identifier: Apache-2.0
"""`dromos demo` does the main job, de-identification and STOW-RS included, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.wire.gateway.peers import eventually


def offspring(marker: Path) -> list[str]:
    """Command lines of the processes that work below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdigit() and str(marker) in line:
            found.append(line)
    return found


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dromos_gateway.commands.demo", *arguments]
    environment = {**os.environ, "TMPDIR": str(home)}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        # a shell ignores SIGINT for what it runs in the background, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_it_shows_the_main_job_and_cleans_up(tmp_path):
    process = start(tmp_path, "--slices", "12")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert "ARCHIVE: 12 of 12 data sets byte-identical, 0 that nobody sent" in output
    assert "RESEARCH: 12 of 12 images, pixels untouched, 0 others; 0 name the patient" in output
    assert offspring(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def interrupt(home: Path, number: signal.Signals) -> tuple[int, str]:
    """Its exit code and output. One that was through before the signal came says nothing of it: then another is run."""
    for _ in range(5):
        process = start(home)
        eventually(lambda: len(offspring(home)) >= 2, "it has children", timeout=90)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        if process.returncode != 0:
            break
    return process.returncode, output


def test_interrupted_it_cleans_up_and_killed_its_children_end(tmp_path):
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGKILL, -signal.SIGKILL)):
        ended, output = interrupt(tmp_path, number)
        assert ended == code, output
        eventually(lambda: offspring(tmp_path) == [], "they are gone")
        if number is not signal.SIGKILL:
            assert list(tmp_path.iterdir()) == []
