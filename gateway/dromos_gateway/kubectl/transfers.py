# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos transfers` of several pods: each has a log of its own, and a study may have come in at more than one.
Their answers are put together, so that one screen tells it all.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from dromos_gateway.commands import transfers, transferscreen
from dromos_gateway.commands.printable import wide
from dromos_gateway.kubectl.cluster import Cluster

Item = dict[str, Any]
_USUAL_LIMIT = 100
_COUNTS = ("delivered", "excluded", "failed", "waiting", "bytes")


def of_pods(cluster: Cluster, namespace: str, pods: Sequence[str], words: Sequence[str]) -> int:
    """Ask all, show one answer. 0: something was found, and every pod has answered."""
    parser = argparse.ArgumentParser(prog="kubectl dromos transfers", description=transfers.__doc__)
    transfers.add_arguments(parser)
    arguments = parser.parse_args(words)  # a mistake is told once, and here
    wanted = "csv" if arguments.format == "csv" else "json"
    answers: dict[str, str] = {}
    code = 0
    for pod in pods:
        done = cluster.told(namespace, pod, ["transfers", *words, "--format", wanted])
        for line in done.stderr.splitlines():
            print(f"{pod}: {line}", file=sys.stderr)
        if done.returncode == 0 or done.stdout.strip():  # 1 with an empty list: nothing was found
            answers[pod] = done.stdout
        else:
            code = max(code, done.returncode)
    return max(code, _show(answers, arguments, several=len(pods) > 1)) if answers else code


def _show(answers: dict[str, str], arguments: argparse.Namespace, *, several: bool) -> int:
    limit = arguments.limit or _USUAL_LIMIT
    if arguments.format == "csv":
        print(tables(answers, limit), end="")
        return 0
    found: dict[str, list[Item]] = {pod: json.loads(text) for pod, text in answers.items()}
    of_studies = transfers.is_of_studies(arguments)
    items = series(found) if of_studies else rows(found, limit, named=several)
    if arguments.format == "json":
        print(json.dumps(items, indent=2))
    elif not items:
        print(transfers.UNKNOWN if of_studies else transfers.NOTHING)
    elif of_studies:
        print("\n".join(transferscreen.studies(items, wide())))
    else:
        print("\n".join(transferscreen.rows(items)))
    return 0 if items else 1


def rows(found: dict[str, list[Item]], limit: int, *, named: bool) -> list[Item]:
    """The newest of all rows, each with its pod where several were asked: numbers are a pod's own."""
    every = [{**item, **({"pod": pod} if named else {})} for pod, items in found.items() for item in items]
    _say_what_is_cut(len(every), limit)
    return sorted(every, key=lambda item: str(item["at"]), reverse=True)[:limit]


def series(found: dict[str, list[Item]]) -> list[Item]:
    """Each series at each destination once, whichever pods have images of it."""
    together: dict[tuple[str, ...], Item] = {}
    for pod, items in found.items():
        for item in items:
            named = item["original"] or item["sent"]
            origin = (item["forwardNode"], item["source"])
            # pods number studies each in its own way; what has no name is known to its pod only
            study = "/".join((*origin, named.get("StudyInstanceUID") or f"{pod}/{item['study']}"))
            which = named.get("SeriesInstanceUID") or f"{pod}/{len(together)}"
            key = (study, which, item["destination"])
            together[key] = _sum(together.get(key), {**item, "study": study})
    return list(together.values())


def _sum(known: Item | None, item: Item) -> Item:
    if known is None:
        return item
    reasons = dict(known["reasons"])
    for reason, number in item["reasons"].items():
        reasons[reason] = reasons.get(reason, 0) + number
    latest = item if (item["last"] or "") > (known["last"] or "") else known
    why = known.get("whyWaiting") or item.get("whyWaiting")
    return {
        **latest,
        **{name: known[name] + item[name] for name in _COUNTS},
        "receivedAt": min(known["receivedAt"], item["receivedAt"]),
        "reasons": reasons,
        **({"whyWaiting": why} if why else {}),
    }


def _say_what_is_cut(number: int, limit: int) -> None:
    if number > limit:
        print(f"kubectl dromos transfers: {transfers.OLDER}", file=sys.stderr)


def tables(answers: dict[str, str], limit: int) -> str:
    """One table of several, with the pod behind each row."""
    every: list[list[str]] = []
    head: Iterable[str] = ()
    for pod, text in answers.items():
        head, *lines = csv.reader(io.StringIO(text, newline=""))
        every += [[*line, pod] for line in lines]
    _say_what_is_cut(len(every), limit)
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([*head, "pod"])
    writer.writerows(sorted(every, key=lambda line: line[1], reverse=True)[:limit])
    return target.getvalue()
