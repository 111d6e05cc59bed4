# SPDX-License-Identifier: Apache-2.0
"""`python -m bench [SCENARIO,…]`: run scenarios, write their rows into build/bench.json, print medians and ratios."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import bench.scenarios
from bench import rows
from bench.choice import EVERYTHING, Choice
from bench.interleave import ROUNDS
from bench.processes import CannotRun
from bench.rows import Result
from bench.scenarios import forward, stow
from bench.workloads import ALL

ROOT = Path(__file__).resolve().parent.parent
IN_PART = ("forward", "stow", "log")
NEEDED = ("storescu", "storescp", "Orthanc")


def main() -> int:
    """0 when everything ran, whatever the figures say; 1 when something did not run; 2 for wrong usage."""
    scenarios = {name.replace("_", "-"): name for _, name, _ in pkgutil.iter_modules(bench.scenarios.__path__)}
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("scenarios", nargs="?", default="forward", help=f"of {', '.join(scenarios)}, or all")
    parser.add_argument("--spool", type=Path, default=ROOT / "build" / "bench", help="a folder on a real disk")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    part = parser.add_argument_group("a part of `forward`, `stow` or `log`")
    part.add_argument("--workloads", type=_names([workload.name for workload in ALL]), default=frozenset())
    systems = {system.name for system in forward.SYSTEMS} | {system.name for system in stow.SYSTEMS}
    part.add_argument("--systems", type=_names(sorted(systems)), default=frozenset())
    part.add_argument("--variants", type=_names([*forward.VARIANTS, *stow.VARIANTS]), default=frozenset())
    part.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    choice = Choice(arguments.workloads, arguments.systems, arguments.variants, arguments.rounds)
    chosen = list(scenarios) if arguments.scenarios == "all" else arguments.scenarios.split(",")
    if unknown := [name for name in chosen if name not in scenarios]:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(scenarios)}")
    if choice != EVERYTHING and (len(chosen) > 1 or chosen[0] not in IN_PART):
        parser.error(f"only {', '.join(IN_PART)} can be run in part, one at a time")
    arguments.spool.mkdir(parents=True, exist_ok=True)
    if objection := _objection(arguments.spool):
        print(f"bench: {objection}", file=sys.stderr)
        return 2
    before = rows.earlier(arguments.out, chosen)
    started, measured, code = time.monotonic(), list[Result](), 0
    try:
        for name in chosen:
            module = importlib.import_module(f"bench.scenarios.{scenarios[name]}")
            for row in module.run(arguments.spool, choice) if name in IN_PART else module.run(arguments.spool):
                measured.append(row)
                rows.write(arguments.out, measured, before)
    except CannotRun as error:
        print(f"bench: {error}", file=sys.stderr)
        code = 1
    print(rows.table(measured))
    print(f"\n{os.cpu_count()} processors, {time.monotonic() - started:.0f} s; rows in {arguments.out}")
    return code


def _names(there: Sequence[str]) -> Callable[[str], frozenset[str]]:
    """An argument that is some of these, with commas between."""

    def read(text: str) -> frozenset[str]:
        names = frozenset(text.split(","))
        if unknown := sorted(names - set(there)):
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(there)}")
        return names

    return read


def _objection(spool: Path) -> str | None:
    """Why nothing can be measured here."""
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        return f"needs {', '.join(missing)}: run `make packages` as root"
    kind = subprocess.run(["stat", "-f", "-c", "%T", spool], check=True, capture_output=True, text=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        return f"{spool} is on {kind}, where a sync costs nothing: name a folder on a real disk with --spool"
    return None


if __name__ == "__main__":
    sys.exit(main())
