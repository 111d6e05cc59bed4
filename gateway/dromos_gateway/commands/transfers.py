# SPDX-License-Identifier: Apache-2.0
"""Ask a running gateway what became of studies and images: the transfer log.

With --patient, --accession, --study or --series: what became of it at every destination, on one screen. Otherwise, or
with --rows or a filter that is of images: one line per image and destination, the newest first.
Exit code 0: done. 1: nothing was found, or the gateway refuses. 2: wrong usage, or no gateway answers.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from dromos_gateway.commands import transferscreen
from dromos_gateway.commands.asking import add_admin_arguments, answered, ask, ask_table
from dromos_gateway.commands.printable import wide

_IDENTIFIERS = ("patient", "accession", "study", "series")
NOTHING = "no such transfers"
OLDER = "there are older rows too; --limit shows more"
UNKNOWN = "nothing is known of it; images that came in before there was a transfer log are not in it"
_LONGEST_WHY = 120
_USUAL, _PAGE = 100, 1000  # rows of an answer, and of what a gateway gives at a time
_OF_IMAGES = ("sop", "verdict", "since", "until", "limit")
_ALL = (*_IDENTIFIERS, "destination", *_OF_IMAGES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the filters."""
    add_admin_arguments(parser)
    parser.add_argument("--patient", metavar="ID", help="Patient ID, as it came in or as it went out")
    parser.add_argument("--accession", metavar="NUMBER", help="Accession Number, likewise")
    parser.add_argument("--study", metavar="UID", help="Study Instance UID, likewise")
    parser.add_argument("--series", metavar="UID", help="Series Instance UID, likewise")
    parser.add_argument("--sop", metavar="UID", help="SOP Instance UID, likewise")
    parser.add_argument("--destination", metavar="[NAMESPACE/]NAME", help="at this destination only")
    parser.add_argument("--verdict", choices=("Delivered", "Excluded", "Failed"))
    parser.add_argument("--since", metavar="TIME", help="2026-01-31 or 2026-01-31T13:00:00Z")
    parser.add_argument("--until", metavar="TIME")
    parser.add_argument("--limit", metavar="N", type=int, default=None, help="rows at most (default 100)")
    parser.add_argument("--rows", action="store_true", help="images one by one, also for a study")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="(default table)")


def run(arguments: argparse.Namespace) -> int:
    """Ask and show."""
    return answered("transfers", _studies if is_of_studies(arguments) else _rows, arguments)


def is_of_studies(arguments: argparse.Namespace) -> bool:
    """Whether the question is for studies and series, not for images."""
    named = any(getattr(arguments, name) is not None for name in _IDENTIFIERS)
    of_images = arguments.rows or any(getattr(arguments, name) is not None for name in _OF_IMAGES)
    return named and not of_images and arguments.format != "csv"


def _query(arguments: argparse.Namespace, names: Iterable[str], **more: str) -> str:
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return urlencode(given | more)


def _rows(arguments: argparse.Namespace) -> int:
    if arguments.format == "csv":
        _table(arguments)
        return 0
    found: list[dict[str, Any]] = []

    def ask_for(path: str) -> tuple[int, str | None]:
        answer = _told(arguments, path, again=bool(found))
        found.extend(answer["transfers"])
        return len(answer["transfers"]), answer["next"]

    _page_by_page(arguments, ask_for)
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    elif found:
        print("\n".join(transferscreen.rows(found)))
    else:
        print(NOTHING)
    return 0 if found else 1


def _table(arguments: argparse.Namespace) -> None:
    writer = csv.writer(sys.stdout)
    first = True

    def ask_for(path: str) -> tuple[int, str | None]:
        nonlocal first
        table, following = ask_table(arguments, path)
        head, *lines = csv.reader(io.StringIO(table, newline=""))
        writer.writerows([head, *lines] if first else lines)
        first = False
        return len(lines), following

    _page_by_page(arguments, ask_for, format="csv")


def _page_by_page(arguments: argparse.Namespace, ask_for: Callable[[str], tuple[int, str | None]], **more: str) -> None:
    """Ask for as many rows as are wanted, a thousand at a time; what is not shown in the end is said.

    `ask_for` takes a path, and says how many rows came of it, and where the answer goes on, if it does.
    """
    wanted = _USUAL if arguments.limit is None else arguments.limit
    while True:
        rows, following = ask_for(f"/v1/transfers?{_query(arguments, _ALL, **more, limit=str(min(wanted, _PAGE)))}")
        wanted -= rows
        if following is None:
            return
        if wanted <= 0:
            print(f"dromos transfers: {OLDER}", file=sys.stderr)
            return
        more["before"] = following


def _studies(arguments: argparse.Namespace) -> int:
    found = _found(arguments, f"/v1/studies?{_query(arguments, (*_IDENTIFIERS, 'destination'))}", "series")
    if any(item["waiting"] for item in found):
        reasons = _why_waiting(arguments)
        found = [
            {**item, "whyWaiting": reasons.get(item["destination"], "")} if item["waiting"] else item for item in found
        ]
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(transferscreen.studies(found, wide())) if found else UNKNOWN)
    return 0 if found else 1


def _found(arguments: argparse.Namespace, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _told(arguments, path)[name]
    return found


def _told(arguments: argparse.Namespace, path: str, *, again: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = ask(arguments, "GET", path)
    if not answer.get("complete", True) and not again:
        print(
            "dromos transfers: more series fit; these are of the newest. Name a study or series as well",
            file=sys.stderr,
        )
    return answer


def _why_waiting(arguments: argparse.Namespace) -> dict[str, str]:
    """Of each destination why it is not sent to now: held, or what its last attempt came to."""
    states = ask(arguments, "GET", "/v1/status")["destinations"]
    held = ask(arguments, "GET", "/v1/configuration")["destinations"]
    found = {f"{each['namespace']}/{each['name']}": each["lastError"] or "" for each in states}
    found |= {f"{each['namespace']}/{each['name']}": each["message"] for each in held if not each["programmed"]}
    return {name: text if len(text) <= _LONGEST_WHY else f"{text[: _LONGEST_WHY - 1]}…" for name, text in found.items()}


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos transfers", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
