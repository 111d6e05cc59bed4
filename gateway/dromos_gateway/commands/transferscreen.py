# SPDX-License-Identifier: Apache-2.0
"""What became of images and studies, as lines for a screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dromos_gateway.commands.printable import printable

Item = Mapping[str, Any]
_SERIES = 22  # characters of a series' name
_TEXT = 64  # of a value above the table; what the standard allows is not longer
_DESTINATION = "DESTINATION"
_BESIDE = 90  # characters of the titles beside the longest name of a destination


def rows(found: Sequence[Item]) -> list[str]:
    """One line per image and destination; with the pod where several were asked."""
    width = max(len(_DESTINATION), *(len(item["destination"]) for item in found))
    pods = max(len(item.get("pod", "")) for item in found)
    pod = f"{'POD':<{pods}}  " if pods else ""
    columns = f"{'VERDICT':<9}  {'KiB':>8}  {'TRIES':>5}  SOP INSTANCE UID / REASON"
    lines = [f"{'AT':<20}  {pod}{_DESTINATION:<{width}}  {columns}"]
    for item in found:
        uid = item["sent"].get("SOPInstanceUID") or (item["original"] or {}).get("SOPInstanceUID", "")
        said = "; ".join(printable(part) for part in (uid, item["reason"], item["message"]) if part)
        pod = f"{item['pod']:<{pods}}  " if pods else ""
        lines.append(
            f"{item['at']:<20}  {pod}{item['destination']:<{width}}  {item['verdict']:<9}  {item['size'] // 1024:>8}  "
            f"{item['attempts']:>5}  {said}"
        )
    return lines


def studies(found: Sequence[Item], columns: int | None = None) -> list[str]:
    """One block for each study: what it is, then a line for each destination and series.

    Where the terminal has fewer `columns` than a line needs, its end goes below it.
    """
    ordered = groupby(sorted(found, key=_order), key=lambda item: item["study"])
    blocks = [_study(list(series), columns) for _, series in ordered]
    return [line for block in blocks for line in ("", *block)][1:]


def _order(item: Item) -> tuple[str, str, str]:
    return item["study"], item["destination"], item["last"] or ""


def _study(series: list[Item], columns: int | None) -> list[str]:
    first = {name: _cut(value, _TEXT) for name, value in _shown(series[0]).items()}
    received = min(item["receivedAt"] for item in series)
    source = printable(series[0]["source"])
    described = " ".join(filter(None, (first.get("StudyDate"), first.get("StudyDescription"))))
    named = {"Patient    ": first.get("PatientID"), "Accession ": first.get("AccessionNumber")}
    whose = "    ".join(f"{title}{value}" for title, value in named.items() if value)
    return [
        f"Study      {first.get('StudyInstanceUID', '(not kept)')}",
        *filter(None, (f"           {described}".rstrip(), whose)),
        f"Received   {received} from {source} by {series[0]['forwardNode']}",
        "",
        *_table(series, columns),
    ]


def _table(series: Sequence[Item], columns: int | None) -> list[str]:
    width = max(len(_DESTINATION), *(len(item["destination"]) for item in series))
    narrow = columns is not None and columns < width + _BESIDE
    counts = f"{'DELIVERED':>9} {'EXCLUDED':>8} {'FAILED':>6} {'WAITING':>7}"
    rest = "SERIES" if narrow else f"{'LAST':<20}  {'SERIES':<{_SERIES}}  WHY NOT"
    lines = [f"{_DESTINATION:<{width}}  {counts}  {rest}"]
    for destination, group in groupby(series, key=lambda item: item["destination"]):
        of_it = list(group)
        for number, item in enumerate(of_it):
            line = f"{'' if number else destination:<{width}}  {_counts(item)}  "
            last, why = item["last"] or "-", _why_not(item)
            if narrow:
                said = "; ".join(filter(None, (f"last {last}" if item["last"] else "", why)))
                lines += [f"{line}{_name(item)}", *_below(said, columns)]
                continue
            line += f"{last:<20}  {_name(item):<{_SERIES}}  "
            below = columns is not None and len(line) + len(why) > columns
            lines += [line.rstrip(), *_below(why, columns)] if below else [f"{line}{why}".rstrip()]
        lines += _below(_sent_as(of_it[0]), columns, width)
    return lines


def _counts(item: Item) -> str:
    return f"{item['delivered']:>9} {item['excluded']:>8} {item['failed']:>6} {item['waiting']:>7}"


def _why_not(item: Item) -> str:
    why = [f"{number} x {reason}" for reason, number in item["reasons"].items()]
    if item.get("whyWaiting"):
        why.append(f"waiting: {item['whyWaiting']}")
    return printable(", ".join(why))


def _sent_as(item: Item) -> str:
    """What a study is called at a destination, where that is something else than it was."""
    sent, original = item["sent"], item["original"]
    if not original or sent.get("StudyInstanceUID", "") in ("", original.get("StudyInstanceUID")):
        return ""
    patient, study = printable(sent.get("PatientID", "")), printable(sent["StudyInstanceUID"])
    return f"sent as patient {_cut(patient, _TEXT)}, study {study}"


def _below(text: str, columns: int | None, indented: int = 0) -> list[str]:
    """What a line has no room for: lines of their own, as long as the terminal's."""
    if not text:
        return []
    if columns is None or indented + 2 + len(text) <= columns:
        return [f"{'':<{indented}}  {text}"]
    return textwrap.wrap(text, max(20, columns), initial_indent="  ", subsequent_indent="    ")


def _name(item: Item) -> str:
    """A series in a few characters."""
    shown = _shown(item)
    return _cut(" ".join(filter(None, (shown.get("Modality"), shown.get("SeriesDescription")))) or "-", _SERIES)


def _shown(item: Item) -> dict[str, str]:
    """As it came in where that was kept, else as it went out."""
    return {name: printable(value) for name, value in (item["original"] or item["sent"]).items()}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
