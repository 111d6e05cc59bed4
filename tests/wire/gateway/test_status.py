# SPDX-License-Identifier: Apache-2.0
"""`dromos status` of a running gateway."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.ports import free_port
from tests.wire.gateway.peers import eventually, make_study, mr_only, storescu


def status(admin: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dromos_gateway.commands.status", "--admin", f"127.0.0.1:{admin}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_what_waits_what_failed_and_what_is_wrong_stands_beside_each_destination(gateway, receiver, tmp_path):
    picky, down = receiver("picky", *mr_only(tmp_path)).start(), receiver("down")
    gateway.destination("picky", picky.port)
    gateway.destination("down", down.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    eventually(lambda: gateway.queue("picky")["failed"] == 3, "they are dead letters")
    eventually(lambda: gateway.queue("down")["reachable"] is False, "it was asked")

    shown = status(gateway.admin)
    assert shown.returncode == 0, shown.stderr
    rows = {line.split()[0]: line.split() for line in shown.stdout.splitlines() if line}
    assert rows["default/picky"][1:6] == ["True", "yes", "0", "3", "never"]
    assert rows["default/down"][1:6] == ["True", "no", "3", "0", "never"]
    assert "refused" in " ".join(rows["default/down"][6:])
    assert rows["3"][1] == "instances,", "the disk comes first"

    gateway.destination("down", 0)
    eventually(lambda: status(gateway.admin).returncode == 1, "a broken document is told")
    assert "Destination default/down spec.dicom.port: " in status(gateway.admin).stdout
    said = json.loads(status(gateway.admin, "--format", "json").stdout)
    wrong = {each["name"]: each["reason"] for each in said["destinations"]}
    assert wrong == {"picky": "Programmed", "down": "LastAcceptedForm"}


def test_without_a_gateway_that_is_said():
    shown = status(free_port())
    assert shown.returncode == 2
    assert "no gateway answers" in shown.stderr
