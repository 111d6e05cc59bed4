# SPDX-License-Identifier: Apache-2.0
"""Any VR at any tag: a verdict whatever it is, nothing left of what was planted, and the same bytes each time.

What came before must not matter, in this process or another: the same shape with other VRs, creators and values.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest

from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed, Held
from dromos_gateway.deid.plan import Plan
from dromos_gateway.dimse.part10 import read_head
from tests.deid.strange import MARKER, instance
from tests.unit.deid.instances import BASIC, SHIFT, plan

_RULES = (
    {"codename": "action.on.privatetags", "action": "K", "tags": ["(0019,XXXX)"]},
    {
        "codename": "expression.on.tags",
        "tags": ["(0008,XXXX)"],
        "arguments": {"expr": "stringValue == 'HEAD' ? Keep() : null"},
    },
    SHIFT,
    {"codename": "action.on.specific.tags", "action": "DDum", "tags": ["(0040,XXXX)"]},
)
_OPTIONS = dict.fromkeys(("cleanDescriptors", "retainSafePrivate", "retainModifiedDates"), True)
PLANS = {
    "basic": plan(uncleanable="Allow"),
    "rules": plan(*_RULES, BASIC, uncleanable="Allow"),
    "options": plan(BASIC | {"arguments": _OPTIONS}, uncleanable="Allow"),
    "karnak": plan(*_RULES, BASIC, compatibility="Karnak", uncleanable="Allow"),
    "morphing": plan(*_RULES, morphing=True),
}
_PROGRAM = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from tests.deid.test_strange import PLANS, said
for number in sys.argv[3:]:
    print(number, said(PLANS[sys.argv[2]], int(number), Path(sys.argv[1])))
"""


def said(chosen: Plan, seed: int, folder: Path) -> str:
    """What comes of one of them: the verdict, with all bytes of what is written."""
    path, target = folder / f"{os.getpid()}.in", folder / f"{os.getpid()}.out"
    path.write_bytes(instance(seed))
    head = read_head(path)
    target.unlink(missing_ok=True)
    outcome = deidentify(Instance(path, head.data_set_offset, head.transfer_syntax_uid), target, chosen, "PSEUDO")
    assert isinstance(outcome, Changed | Held)
    assert target.exists() is isinstance(outcome, Changed)
    if isinstance(outcome, Held):
        assert MARKER.decode() not in outcome.message
        return f"{outcome.reason}: {outcome.message}"
    return json.dumps([outcome.digest, target.read_bytes().hex()])


@pytest.mark.parametrize("name", ["basic", "options"])
@pytest.mark.parametrize("part", range(2))
def test_nothing_planted_comes_out(tmp_path: Path, name: str, part: int) -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(part * 150, part * 150 + 150):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = said(PLANS[name], seed, tmp_path)
        verdicts[found.split(":")[0] if not found.startswith("[") else "Changed"] += 1
        assert not found.startswith("[") or MARKER.hex() not in json.loads(found)[1], seed
    assert verdicts["Changed"] > 5, verdicts
    assert verdicts["ActionFailed"] + verdicts["MalformedDataSet"] > 5, verdicts


def _elsewhere(name: str, folder: Path, order: list[int], seed: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), name, *map(str, order)],
        env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", PLANS)
def test_what_came_before_does_not_matter(tmp_path: Path, name: str) -> None:
    numbers = list(range(900, 970))
    first = _elsewhere(name, tmp_path, numbers, "1")
    assert len(first) == len(numbers)
    assert _elsewhere(name, tmp_path, numbers[::-1] + numbers[::3], "2") == first
    alone = [number for number in numbers if first[str(number)].startswith("[")][:2]
    assert len(alone) == 2
    for number in alone:
        assert _elsewhere(name, tmp_path, [number], "3") == {str(number): first[str(number)]}
