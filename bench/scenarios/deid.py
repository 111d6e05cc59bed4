# SPDX-License-Identifier: Apache-2.0
"""A gateway that de-identifies, with the basic profile and five rules, beside the same one passing images through.

The rounds alternate. `dromos` is the gateway that passes on what it gets; `deid` changes each header in its worker
processes before it sends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.rounds import Setting
from bench.rounds import run as one_round
from bench.rows import Row
from bench.scenarios.deid_header import PROFILE
from bench.systems.dromos import Dromos
from bench.workloads import CT, batches, warm_up
from dromos_gateway.deid.hashing import hashed_uid

ROUNDS = 5
_KEY = bytes(range(16))
_PROJECT = f"""
  deidentification:
    projectRef: {{name: bench}}
    pseudonym: {{tag: {{tag: "(0010,0020)"}}}}
---
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {{name: bench}}
spec:
  secretRef: {{name: bench}}
  profile: {json.dumps(PROFILE)}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
stringData: {{active: one, one: "{_KEY.hex()}"}}
"""


class Deidentifying(Dromos):
    """The gateway with a Project."""

    name = "deid"

    def __init__(self) -> None:
        super().__init__(more=_PROJECT)


def run(home: Path) -> Iterator[Row]:
    """Rounds of `ct`, with and without."""
    sent, warming = batches(home, CT), warm_up(home)
    plain, changing = Setting("deid", CT.name), Setting("deid", CT.name, outgoing=lambda uid: hashed_uid(_KEY, uid))
    took: dict[str, list[float]] = {"dromos": [], "deid": []}
    for number in range(ROUNDS):
        for system, setting in ((Dromos(), plain), (Deidentifying(), changing)):
            row = one_round(home / "round", system, setting, sent, warming)
            took[system.name].append(row.delivered_s)
            print(f"{number + 1}/{ROUNDS} {row.system}: delivered {row.delivered_s:.2f} s", file=sys.stderr, flush=True)
            yield row
    ratio = median(took["deid"]) / median(took["dromos"])
    print(f"de-identified ct is delivered in {ratio:.2f} times the time of passing through", file=sys.stderr)
