# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos transfers` with two gateways, each of which has a part of a study. In kubectl's place is a program that
runs what it is asked to run beside the gateway that stands for the pod; the cluster's own tests use kubectl itself.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.gateway.conftest import receiver  # noqa: F401 - fixture
from tests.wire.gateway.peers import GatewayProcess, eventually, storescu
from tests.wire.gateway.test_transfers import KEY, _study

_KUBECTL = """\
#!{python}
import json, subprocess, sys
words, pods = sys.argv[1:], {pods}
if "exec" in words:
    pod, command = words[words.index("exec") + 1], words[words.index("--") + 2 :]
    sys.exit(subprocess.run(["{dromos}", *command, "--admin", f"127.0.0.1:{{pods[pod]}}"]).returncode)
node = {{"metadata": {{"namespace": "default", "name": "radiology"}}, "status": {{"selector": "a=b"}}}}
if "pods" in words:
    print(json.dumps({{"items": [{{"metadata": {{"name": name}}}} for name in pods]}}))
else:
    print(json.dumps({{"items": [node]}} if "forwardnodes" in words else node))
"""


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[list[GatewayProcess]]:
    found = [GatewayProcess(tmp_path / f"pod-{number}") for number in range(2)]
    for each in found:
        each.write("key", KEY)
        each.node("transferLog: {key: {secretKeyRef: {name: log, key: key}}}")
    yield found
    for each in found:
        each.kill()


def _ask(folder: Path, gateways: list[GatewayProcess], *words: str) -> subprocess.CompletedProcess[str]:
    dromos = Path(sys.executable).parent / "dromos"
    pods = {f"radiology-{number}": each.admin for number, each in enumerate(gateways)}
    program = folder / "bin" / "kubectl"
    program.parent.mkdir(exist_ok=True)
    program.write_text(_KUBECTL.format(python=sys.executable, dromos=dromos, pods=pods))
    program.chmod(0o700)
    command = [sys.executable, "-m", "dromos_gateway.kubectl.plugin", "transfers", *words]
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_the_parts_of_a_study_are_one_answer(gateways, receiver, tmp_path):  # noqa: F811
    up, down = receiver("up").start(), receiver("down")
    one, other = gateways
    for each in gateways:
        each.destination("up", up.port)
        each.destination("down", down.port)
        each.start()
    files = sorted(_study(tmp_path / "study", 5).iterdir())
    part = tmp_path / "part"
    part.mkdir()
    for file in files[:2]:
        file.rename(part / file.name)
    storescu(one.port, part)
    storescu(other.port, tmp_path / "study")
    up.has(5)
    eventually(lambda: sum(each.queue("up")["delivered"] for each in gateways) == 5, "the ledgers know")
    done = _ask(tmp_path, gateways, "--accession", "A1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Study ") == 1
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.startswith("default/")}
    assert lines["default/up"][1:5] == ["5", "0", "0", "0"]
    assert lines["default/down"][1:5] == ["0", "0", "0", "5"]
    assert "waiting: 127.0.0.1:" in done.stdout
    rows = json.loads(_ask(tmp_path, gateways, "--destination", "up", "--format", "json").stdout)
    assert sorted(row["pod"] for row in rows) == ["radiology-0"] * 2 + ["radiology-1"] * 3
    table = _ask(tmp_path, gateways, "--destination", "up", "--format", "csv", "--limit", "4").stdout
    assert len(list(csv.DictReader(io.StringIO(table)))) == 4
    nothing = _ask(tmp_path, gateways, "--accession", "A2")
    assert (nothing.returncode, "nothing is known of it" in nothing.stdout) == (1, True)
    assert _ask(tmp_path, gateways, "--verdict", "Perhaps").stderr.count("invalid choice") == 1
    other.kill()
    partial = _ask(tmp_path, gateways, "--accession", "A1")
    assert partial.returncode == 2
    assert "radiology-1: dromos transfers: no gateway answers" in partial.stderr
    assert "default/up" in partial.stdout, "and what the others know"
