# SPDX-License-Identifier: Apache-2.0
"""Say everything the operator and the gateway would refuse, with file, line and field.

Exit code 0: nothing is wrong. 1: something is. 2: a path cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from dromos_crds.manifests import Manifests, read
from dromos_crds.meaning import check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…: files or folders with manifests."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a manifest, or a folder of them")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each problem and one that sums up."""
    try:
        manifests = read(arguments.paths)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}; give a manifest or a folder of manifests", file=sys.stderr)
        return 2
    problems = (*manifests.problems, *check(manifests))
    for problem in problems:
        print(problem)
    print(_summary(manifests, len(problems)))
    return 1 if problems or not manifests.documents else 0


def _summary(manifests: Manifests, problems: int) -> str:
    counts = Counter(document.object.kind for document in manifests.documents)
    valid = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no manifest"
    return f"{valid} valid in {len(manifests.files)} file(s); {problems or 'no'} problem(s)"
