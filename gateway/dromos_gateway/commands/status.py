# SPDX-License-Identifier: Apache-2.0
"""Show each destination of a running gateway: what waits, what failed, and what keeps it from working.

Exit code 0: all manifests are in force and images are taken in. 1: that is not so.
2: wrong usage, or no gateway answers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dromos_gateway.commands import overviewtable
from dromos_gateway.commands.asking import add_admin_arguments, answered, ask
from dromos_gateway.commands.overviewtable import age, size
from dromos_gateway.commands.printable import printable, wide

Item = Mapping[str, Any]
_HEAD = ("DESTINATION", "READY", "REACHABLE", "WAITING", "FAILED", "LAST TRANSFER", "")
_REACHABLE = {True: "yes", False: "no", None: "?"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the gateway is, and the output's form."""
    add_admin_arguments(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="(default table)")


def run(arguments: argparse.Namespace) -> int:
    """Ask the gateway."""
    return answered("status", _show, arguments)


def _show(arguments: argparse.Namespace) -> int:
    state, configuration = (ask(arguments, "GET", f"/v1/{each}") for each in ("status", "configuration"))
    found = joined(state, configuration)
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(lines(found, datetime.now(UTC), wide())))
    return 0 if is_well(found) else 1


def joined(state: Item, configuration: Item) -> dict[str, Any]:
    """Both answers as one: each destination once, with its queue and whether it is in force."""
    there = {(each["namespace"], each["name"]): each for each in configuration["destinations"]}
    destinations = [there.get((each["namespace"], each["name"]), {}) | each for each in state["destinations"]]
    return {**state, **configuration, "destinations": destinations}


def is_well(found: Item) -> bool:
    """Whether all manifests are in force and images are taken in."""
    return not found["problems"] and found["spool"]["available"] and all(map(_ready, found["destinations"]))


def lines(found: Item, now: datetime, columns: int | None = None) -> list[str]:
    """The disk, a row for each destination, and what is wrong with the manifests."""
    spool = found["spool"]
    full = "" if spool["available"] else "; nothing more is taken in"
    result = [f"{spool['instances']} instances, {size(spool['bytes'])} of {size(spool['limitBytes'])}{full}"]
    rows = [_row(each, now) for each in found["destinations"]]
    result += overviewtable.lines(_HEAD, rows, columns) if rows else ["  no Destination"]
    if found["problems"]:
        result += ["", *(_problem(each) for each in found["problems"])]
    return result


def _row(item: Item, now: datetime) -> tuple[str, ...]:
    said = item["message"] if not _ready(item) and item.get("message") else item["lastError"]
    return (
        f"{item['namespace']}/{item['name']}",
        str(_ready(item)),
        _REACHABLE[item["reachable"]],
        str(item["waiting"] + item["sharesWaiting"]),
        str(item["failed"] + item["sharesFailed"]),
        age(item["lastTransferTime"], now),
        printable(said or ""),
    )


def _ready(item: Item) -> bool:
    """A destination that has gone, of which something is left, is none."""
    return bool(item.get("programmed", False))


def _problem(item: Item) -> str:
    place = "/".join(filter(None, (item["namespace"], item["name"])))
    where = " ".join(filter(None, (item["kind"], place, item["field"])))
    return f"{where}: {printable(item['message'])}" if where else printable(item["message"])


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos status", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
