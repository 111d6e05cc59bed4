# SPDX-License-Identifier: Apache-2.0
"""A gateway that de-identifies, with the basic profile and five rules, beside the same one passing images through.

The rounds alternate. `dromos` is the gateway that passes on what it gets; `deid` changes each header in its worker
processes before it sends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.rounds import Setting
from bench.rounds import run as one_round
from bench.rows import Row
from bench.scenarios.deid_header import PROFILE
from bench.systems.deidentifying import Deidentifying, outgoing
from bench.systems.dromos import Dromos
from bench.workloads import CT, batches, warm_up

ROUNDS = 5


def run(home: Path) -> Iterator[Row]:
    """Rounds of `ct`, with and without."""
    sent, warming = batches(home, CT), warm_up(home)
    plain, changing = Setting("deid", CT.name), Setting("deid", CT.name, outgoing=outgoing)
    took: dict[str, list[float]] = {"dromos": [], "deid": []}
    for number in range(ROUNDS):
        for system, setting in ((Dromos(), plain), (Deidentifying("deid", PROFILE), changing)):
            row = one_round(home / "round", system, setting, sent, warming)
            took[system.name].append(row.delivered_s)
            print(f"{number + 1}/{ROUNDS} {row.system}: delivered {row.delivered_s:.2f} s", file=sys.stderr, flush=True)
            yield row
    ratio = median(took["deid"]) / median(took["dromos"])
    print(f"de-identified ct is delivered in {ratio:.2f} times the time of passing through", file=sys.stderr)
