# SPDX-License-Identifier: Apache-2.0
"""Runs the test tiers: `python -m tests.tiers [TIER…]`, all of them by default.

A tier that this machine cannot run is left out with one line that says why. With ``CI=true`` such a tier is a
failure instead, and a tier that collects no test fails everywhere: nothing passes by being absent.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from tests.tiers.every import TIERS
from tests.tiers.running import Run


def main(names: Sequence[str]) -> int:
    """Run the named tiers, print a summary; 0 when nothing failed."""
    unknown = sorted(set(names) - {tier.name for tier in TIERS})
    if unknown:
        print(f"no such tier: {', '.join(unknown)}; there are: {', '.join(tier.name for tier in TIERS)}")
        return 2
    chosen = [tier for tier in TIERS if not names or tier.name in names]
    run = Run(required=os.environ.get("CI") == "true")
    try:
        asyncio.run(run.all(chosen))
    except KeyboardInterrupt:
        return 130
    print()
    for tier in chosen:
        verdict, seconds = run.results[tier.name]
        print(f"{tier.name:<10} {seconds:6.1f} s  {verdict}")
    return int(any(verdict.startswith("FAILED") for verdict, _ in run.results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
