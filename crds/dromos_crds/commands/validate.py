# SPDX-License-Identifier: Apache-2.0
"""Say everything the operator and the gateway would refuse, with file, line and field.

Exit code 0: nothing is wrong. 1: something is. 2: a path cannot be read; what can be is judged all the same.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from dromos_crds import contents, meaning, project_secrets
from dromos_crds.folders import sentence
from dromos_crds.manifests import Manifests, read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…: files or folders with manifests."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a manifest, or a folder of them")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each problem, one for each thing that is expected elsewhere, and one that sums up."""
    unreadable: list[OSError] = []
    try:
        manifests = read(arguments.paths, unreadable.append)
    except OSError as error:
        print(sentence(error), file=sys.stderr)
        return 2
    for each in unreadable:
        print(f"{sentence(each)}; give a manifest or a folder of manifests", file=sys.stderr)
    if unreadable and not manifests.files:
        return 2
    problems = [
        *manifests.problems,
        *meaning.check(manifests),
        *meaning.check_references(manifests),
        *meaning.check_expressions(manifests),
        *meaning.check_profiles(manifests),
        *contents.check(manifests),
        *project_secrets.check(manifests),
    ]
    for problem in sorted(problems, key=lambda found: (found.file or "", found.line or 0)):
        print(problem)
    for absent in meaning.missing(manifests):
        print(f"note: {absent}; it has to be in the cluster")
    for other in meaning.apart(manifests):
        print(f"note: {other}; pods of their own can have that, one `dromos run` for both cannot")
    print(_summary(manifests, len(problems)))
    if unreadable:
        return 2
    return 1 if problems or not manifests.documents else 0


def _summary(manifests: Manifests, problems: int) -> str:
    counts = Counter(document.object.kind for document in manifests.documents)
    valid = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    if not valid and not problems:
        return f"no manifest of Dromos in {len(manifests.files)} file(s); it has apiVersion: dromos.dev/v1alpha1"
    return f"{valid or 'no manifest'} valid in {len(manifests.files)} file(s); {problems or 'no'} problem(s)"
