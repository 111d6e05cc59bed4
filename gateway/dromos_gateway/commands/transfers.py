# SPDX-License-Identifier: Apache-2.0
"""Ask a running gateway what became of studies and images: the transfer log.

With --patient, --accession, --study or --series: what became of it at every destination, on one screen. Otherwise, or
with --rows or a filter that is of images: one line per image and destination, the newest first.
Exit code 0: done. 1: nothing was found, or the gateway refuses. 2: wrong usage, or no gateway answers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from dromos_gateway.commands.asking import NoGateway, Refused, add_admin_arguments, ask, ask_text
from dromos_gateway.commands.printable import printable

_IDENTIFIERS = ("patient", "accession", "study", "series")
_SERIES = 22  # characters of a series' name
_LONGEST_WHY = 120
_OF_IMAGES = ("sop", "verdict", "since", "until", "limit")
_ALL = (*_IDENTIFIERS, "destination", *_OF_IMAGES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the filters."""
    add_admin_arguments(parser)
    parser.add_argument("--patient", metavar="ID", help="Patient ID, as it came in or as it went out")
    parser.add_argument("--accession", metavar="NUMBER", help="Accession Number, likewise")
    parser.add_argument("--study", metavar="UID", help="Study Instance UID, likewise")
    parser.add_argument("--series", metavar="UID", help="Series Instance UID, likewise")
    parser.add_argument("--sop", metavar="UID", help="SOP Instance UID, as it went out")
    parser.add_argument("--destination", metavar="NAMESPACE/NAME", help="at this destination only")
    parser.add_argument("--verdict", choices=("Delivered", "Excluded", "Failed"))
    parser.add_argument("--since", metavar="TIME", help="2026-01-31 or 2026-01-31T13:00:00Z")
    parser.add_argument("--until", metavar="TIME")
    parser.add_argument("--limit", metavar="N", type=int, help="rows at most, up to 1000 (default 100)")
    parser.add_argument("--rows", action="store_true", help="images one by one, also for a study")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="(default table)")


def run(arguments: argparse.Namespace) -> int:
    """Ask and show."""
    try:
        named = any(getattr(arguments, name) is not None for name in _IDENTIFIERS)
        of_images = arguments.rows or any(getattr(arguments, name) is not None for name in _OF_IMAGES)
        if named and not of_images and arguments.format != "csv":
            return _studies(arguments)
        return _rows(arguments)
    except NoGateway as error:
        print(f"dromos transfers: {error}", file=sys.stderr)
        return 2
    except Refused as error:
        print(f"dromos transfers: {error}", file=sys.stderr)
        return 1


def _query(arguments: argparse.Namespace, names: Iterable[str], **more: str) -> str:
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return urlencode(given | more)


def _rows(arguments: argparse.Namespace) -> int:
    if arguments.format == "csv":
        print(ask_text(arguments, "GET", f"/v1/transfers?{_query(arguments, _ALL, format='csv')}"), end="")
        return 0
    found = _found(arguments, f"/v1/transfers?{_query(arguments, _ALL)}", "transfers")
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    elif found:
        width = max(len(item["destination"]) for item in found)
        print(
            f"{'AT':<20}  {'DESTINATION':<{width}}  {'VERDICT':<9}  {'KiB':>8}  {'TRIES':>5}  SOP INSTANCE UID / REASON"
        )
        for item in found:
            uid = item["sent"].get("SOPInstanceUID") or (item["original"] or {}).get("SOPInstanceUID", "")
            said = "; ".join(printable(part) for part in (uid, item["reason"], item["message"]) if part)
            print(
                f"{item['at']:<20}  {item['destination']:<{width}}  {item['verdict']:<9}  {item['size'] // 1024:>8}  "
                f"{item['attempts']:>5}  {said}"
            )
    else:
        print("no such transfers")
    return 0 if found else 1


def _studies(arguments: argparse.Namespace) -> int:
    found = _found(arguments, f"/v1/studies?{_query(arguments, (*_IDENTIFIERS, 'destination'))}", "series")
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    elif not found:
        print("nothing is known of it; images that came in before there was a transfer log are not in it")
    else:
        reasons = _why_waiting(arguments) if any(item["waiting"] for item in found) else {}
        for index, (_, series) in enumerate(groupby(sorted(found, key=_order), key=lambda item: item["study"])):
            print("\n" * (index > 0) + "\n".join(_study(list(series), reasons)))
    return 0 if found else 1


def _found(arguments: argparse.Namespace, path: str, name: str) -> list[dict[str, Any]]:
    answer = ask(arguments, "GET", path)
    if not answer.get("complete", True):
        print(
            "dromos transfers: more series fit; these are of the newest. Name a study or series as well",
            file=sys.stderr,
        )
    found: list[dict[str, Any]] = answer[name]
    return found


def _why_waiting(arguments: argparse.Namespace) -> dict[str, str]:
    """Of each destination why it is not sent to now: held, or what its last attempt came to."""
    states = ask(arguments, "GET", "/v1/status")["destinations"]
    held = ask(arguments, "GET", "/v1/configuration")["destinations"]
    found = {f"{each['namespace']}/{each['name']}": each["lastError"] or "" for each in states}
    found |= {f"{each['namespace']}/{each['name']}": each["message"] for each in held if not each["programmed"]}
    return {name: text if len(text) <= _LONGEST_WHY else f"{text[: _LONGEST_WHY - 1]}…" for name, text in found.items()}


def _order(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["study"], item["destination"], item["last"] or ""


def _study(series: list[dict[str, Any]], waiting: Mapping[str, str]) -> list[str]:
    first, source = _shown(series[0]), printable(series[0]["source"])
    received = min(item["receivedAt"] for item in series)
    lines = [
        f"Study      {first.get('StudyInstanceUID', '(not kept)')}",
        f"           {' '.join(filter(None, (first.get('StudyDate'), first.get('StudyDescription'))))}".rstrip(),
        f"Patient    {first.get('PatientID', '')}    Accession {first.get('AccessionNumber', '')}",
        f"Received   {received} from {source} by {series[0]['forwardNode']}",
        "",
    ]
    width = max(11, *(len(item["destination"]) for item in series))
    lines.append(
        f"{'DESTINATION':<{width}}  {'DELIVERED':>9} {'EXCLUDED':>8} {'FAILED':>6} {'WAITING':>7}  {'LAST':<20}  "
        f"{'SERIES':<{_SERIES}}  WHY NOT"
    )
    for destination, group in groupby(series, key=lambda item: item["destination"]):
        lines += _destination(destination, list(group), width, waiting.get(destination, ""))
    return lines


def _destination(destination: str, series: list[dict[str, Any]], width: int, waiting: str) -> list[str]:
    lines = []
    for item in series:
        why = [f"{number} x {reason}" for reason, number in item["reasons"].items()]
        if item["waiting"] and waiting:
            why.append(f"waiting: {waiting}")
        said = printable(", ".join(why))
        lines.append(
            f"{destination:<{width}}  {item['delivered']:>9} {item['excluded']:>8} {item['failed']:>6} "
            f"{item['waiting']:>7}  {item['last'] or '-':<20}  {_name(item):<{_SERIES}}  {said}".rstrip()
        )
        destination = ""
    sent, original = series[0]["sent"], series[0]["original"]
    if original and sent.get("StudyInstanceUID") and sent["StudyInstanceUID"] != original.get("StudyInstanceUID"):
        lines.append(f"{'':<{width}}  sent as patient {sent.get('PatientID', '')}, study {sent['StudyInstanceUID']}")
    return lines


def _name(item: Mapping[str, Any]) -> str:
    """A series in a few characters."""
    shown = _shown(item)
    return (" ".join(filter(None, (shown.get("Modality"), shown.get("SeriesDescription")))) or "-")[:_SERIES]


def _shown(item: Mapping[str, Any]) -> dict[str, str]:
    """As it came in where that was kept, else as it went out."""
    return {name: printable(value) for name, value in (item["original"] or item["sent"]).items()}


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos transfers", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
