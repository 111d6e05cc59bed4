# SPDX-License-Identifier: Apache-2.0
"""What became of images and studies, as lines for a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dromos_gateway.commands.printable import printable

Item = Mapping[str, Any]
_SERIES = 22  # characters of a series' name


def rows(found: Sequence[Item]) -> list[str]:
    """One line per image and destination; with the pod where several were asked."""
    width = max(len(item["destination"]) for item in found)
    pods = max(len(item.get("pod", "")) for item in found)
    pod = f"{'POD':<{pods}}  " if pods else ""
    columns = f"{'VERDICT':<9}  {'KiB':>8}  {'TRIES':>5}  SOP INSTANCE UID / REASON"
    lines = [f"{'AT':<20}  {pod}{'DESTINATION':<{width}}  {columns}"]
    for item in found:
        uid = item["sent"].get("SOPInstanceUID") or (item["original"] or {}).get("SOPInstanceUID", "")
        said = "; ".join(printable(part) for part in (uid, item["reason"], item["message"]) if part)
        pod = f"{item['pod']:<{pods}}  " if pods else ""
        lines.append(
            f"{item['at']:<20}  {pod}{item['destination']:<{width}}  {item['verdict']:<9}  {item['size'] // 1024:>8}  "
            f"{item['attempts']:>5}  {said}"
        )
    return lines


def studies(found: Sequence[Item]) -> list[str]:
    """One block for each study: what it is, then a line for each destination and series."""
    blocks = [_study(list(series)) for _, series in groupby(sorted(found, key=_order), key=lambda item: item["study"])]
    return [line for block in blocks for line in ("", *block)][1:]


def _order(item: Item) -> tuple[str, str, str]:
    return item["study"], item["destination"], item["last"] or ""


def _study(series: list[Item]) -> list[str]:
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
        lines += _destination(destination, list(group), width)
    return lines


def _destination(destination: str, series: list[Item], width: int) -> list[str]:
    lines = []
    for item in series:
        why = [f"{number} x {reason}" for reason, number in item["reasons"].items()]
        if item.get("whyWaiting"):
            why.append(f"waiting: {item['whyWaiting']}")
        said = printable(", ".join(why))
        lines.append(
            f"{destination:<{width}}  {item['delivered']:>9} {item['excluded']:>8} {item['failed']:>6} "
            f"{item['waiting']:>7}  {item['last'] or '-':<20}  {_name(item):<{_SERIES}}  {said}".rstrip()
        )
        destination = ""
    sent, original = series[0]["sent"], series[0]["original"]
    if original and sent.get("StudyInstanceUID") and sent["StudyInstanceUID"] != original.get("StudyInstanceUID"):
        patient = printable(sent.get("PatientID", ""))
        lines.append(f"{'':<{width}}  sent as patient {patient}, study {printable(sent['StudyInstanceUID'])}")
    return lines


def _name(item: Item) -> str:
    """A series in a few characters."""
    shown = _shown(item)
    return (" ".join(filter(None, (shown.get("Modality"), shown.get("SeriesDescription")))) or "-")[:_SERIES]


def _shown(item: Item) -> dict[str, str]:
    """As it came in where that was kept, else as it went out."""
    return {name: printable(value) for name, value in (item["original"] or item["sent"]).items()}
