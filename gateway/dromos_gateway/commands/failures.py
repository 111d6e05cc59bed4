# SPDX-License-Identifier: Apache-2.0
"""List and replay what could not be delivered: the dead letters of a running gateway.

Series that could not be shared into a Kheops album are among them; their IDs begin with share-.
All are kept until somebody retries them, dead letters also at another destination, or discards them.
Exit code 0: done. 1: there is no such dead letter, or the gateway refuses. 2: wrong usage, or no gateway answers.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any, Final
from urllib.parse import quote, urlencode

from dromos_gateway.commands.asking import Refused, add_admin_arguments, answered, ask
from dromos_gateway.commands.printable import printable

_ID: Final = re.compile(r"(share-)?[0-9]{1,18}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare list, show, retry and discard."""
    common = argparse.ArgumentParser(add_help=False)
    add_admin_arguments(common)
    common.add_argument("--format", choices=("table", "json"), default="table", help="(default table)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", parents=[common], help="all dead letters, the newest first")
    listing.add_argument("--destination", metavar="[NAMESPACE/]NAME", help="of this destination only")
    show = actions.add_parser("show", parents=[common], help="everything that is known of one")
    show.add_argument("id", metavar="ID", type=_identifier)
    retry = actions.add_parser("retry", parents=[common], help="put them back into a queue")
    _add_choice(retry)
    retry.add_argument("--to", metavar="[NAMESPACE/]NAME", help="another destination than the one that failed")
    _add_choice(actions.add_parser("discard", parents=[common], help="give them up for good"))


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="*", type=_identifier)
    parser.add_argument("--destination", metavar="[NAMESPACE/]NAME", help="all dead letters of this destination")


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no ID; those are numbers, or share- and a number")
    return text


def run(arguments: argparse.Namespace) -> int:
    """Ask the gateway."""
    return answered("failures", _act, arguments)


def _act(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "show":
        return _show(arguments)
    chosen: list[str] = list(arguments.ids)
    if arguments.destination is not None:
        chosen += [found for item in _found(arguments) if (found := str(item["id"])) not in chosen]
    elif not chosen:
        print("dromos failures: name the dead letters by ID, or all of a --destination", file=sys.stderr)
        return 2
    if not chosen:
        print("no dead letters")
    code = 0
    for each in chosen:
        try:
            if arguments.action == "retry":
                query = f"?destination={quote(arguments.to, safe='')}" if arguments.to else ""
                ask(arguments, "POST", f"/v1/failures/{each}/retry{query}")
            else:
                ask(arguments, "DELETE", f"/v1/failures/{each}")
        except Refused as error:
            print(f"{each}: {error}", file=sys.stderr)
            code = 1
        else:
            print(f"{each}: {'waits again' if arguments.action == 'retry' else 'discarded'}")
    return code


def _list(arguments: argparse.Namespace) -> int:
    found = _found(arguments)
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
        return 0
    if not found:
        print("no dead letters")
        return 0
    width = max(len("DESTINATION"), *(len(item["destination"]) for item in found))
    print(f"{'ID':>12}  {'FAILED AT':<20}  {'DESTINATION':<{width}}  {'ATTEMPTS':>8}  REASON")
    for item in found:
        reason = printable(f"{item['reason']}: {item['message']}")
        print(
            f"{item['id']:>12}  {item['failedAt']:<20}  {item['destination']:<{width}}  {item['attempts']:>8}  {reason}"
        )
    return 0


def _show(arguments: argparse.Namespace) -> int:
    item = ask(arguments, "GET", f"/v1/failures/{arguments.id}")
    if arguments.format == "json":
        print(json.dumps(item, indent=2))
        return 0
    width = max(map(len, item))
    for key, value in item.items():
        print(f"{key:<{width}}  {printable(value)}")
    return 0


def _found(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All of them, however many pages that takes."""
    query = {}
    if (wanted := arguments.destination) is not None:
        query["destination"] = wanted
    found: list[dict[str, Any]] = []
    while True:
        page = ask(arguments, "GET", f"/v1/failures?{urlencode(query)}")
        found += page["failures"]
        if page["next"] is None:
            return sorted(found, key=lambda item: str(item["failedAt"]), reverse=True)
        query["before"] = page["next"]


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos failures", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
