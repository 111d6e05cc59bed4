# SPDX-License-Identifier: Apache-2.0
"""The same instance in other processes, with other hash seeds, at other times: the same bytes; no clock, no chance."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.deid.corpus import instance

_PROGRAM = """
import hashlib, json, sys
from pathlib import Path
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.plan import Recipe, compile_plan
from dromos_gateway.dimse.part10 import read_head
rules = [
    {"codename": "action.on.dates", "option": "shift_range", "arguments": {"max_days": 200, "max_seconds": 1000}, "tags": ["(0008,XXXX)"]},
    {"codename": "action.on.privatetags", "action": "K", "tags": ["(0009,1001)"]},
    {"codename": "basic.dicom.profile", "arguments": {"cleanDescriptors": True}},
]
profile = json.dumps({"name": "p", "profileElements": rules})
plan = compile_plan(Recipe(profile, "study", bytes(range(16))))
numbers = list(map(int, sys.argv[2:]))
for number in numbers:
    path = Path(sys.argv[1]) / f"{number}.dcm"
    head = read_head(path)
    target = path.with_suffix(f".{sys.argv[1].__hash__()}")
    outcome = deidentify(Instance(path, head.data_set_offset, head.transfer_syntax_uid), target, plan, f"P{number}")
    print(number, type(outcome).__name__, hashlib.sha256(target.read_bytes()).hexdigest() if target.exists() else outcome)
    target.unlink(missing_ok=True)
"""


def _digests(folder: Path, numbers: list[int], seed: str, zone: str) -> dict[str, str]:
    environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), *map(str, numbers)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_other_processes_write_the_same_bytes(tmp_path: Path) -> None:
    numbers = list(range(0, 120, 3))
    for number in numbers:
        (tmp_path / f"{number}.dcm").write_bytes(instance(number)[0])
    first = _digests(tmp_path, numbers, "1", "UTC")
    assert len(first) == len(numbers)
    assert sum(text.startswith("Changed") for text in first.values()) == len(numbers)
    assert _digests(tmp_path, numbers, "4711", "Asia/Tokyo") == first
    # alone and in the reverse order: what was seen before changes nothing
    assert _digests(tmp_path, numbers[::-1], "2", "UTC") == first
    assert len({hashlib.sha256(text.encode()).digest() for text in first.values()}) == len(numbers)
