# SPDX-License-Identifier: Apache-2.0
"""What the demo shows on the terminal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dromos_gateway.dimse.part10 import read_head

_LETTERS, _LINES = 16, 9
_RAMP = " .:-=+*#%@"
_SHOWN = ("PatientName", "PatientID", "StudyDescription", "SOPInstanceUID")


def header(seconds: float, title: str, text: str) -> Text:
    """The first line of a step."""
    return Text.assemble((f"{seconds:5.1f} s  ", "dim"), (title, "bold cyan"), ("  " + text, "dim"))


def flow(total: int, queues: Mapping[str, Mapping[str, Any]], received: Mapping[str, int]) -> RenderableType:
    """How far each destination is."""
    table = Table(box=None, padding=(0, 2))
    for column in ("destination", "", "received", "waiting", "breaker"):
        table.add_column(column, header_style="dim", no_wrap=True)
    lines: list[RenderableType] = [table]
    for name, queue in queues.items():
        count = received.get(name, 0)
        closed = queue["breaker"] == "Closed"
        table.add_row(
            name.upper(),
            ProgressBar(total=total, completed=count, width=20),
            f"{count}/{total}",
            str(queue["waiting"]),
            Text(queue["breaker"], "green" if closed else "red"),
        )
        if not closed and queue["lastError"]:
            text = Text(f"  {name.upper()} says: {queue['lastError']}", "dim", no_wrap=True, overflow="ellipsis")
            lines.append(text)
    return Group(*lines)


def comparison(study: Path, folders: Mapping[str, Path]) -> tuple[RenderableType, bool]:
    """One instance before and after, and the verdict over all; whether everything is the same."""
    sent = _digests(study)
    got = {title: _digests(folder) for title, folder in folders.items()}
    files = sorted(study.iterdir())
    example = files[len(files) // 2]
    uid = read_head(example).sop_instance_uid
    before = dcmread(example)
    after = {title: dcmread(path) for title, folder in folders.items() if (path := _find(folder, uid)) is not None}
    table = Table(title=f"{example.name}, before and after", title_justify="left", title_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    table.add_column("sent by CT1", no_wrap=True, overflow="ellipsis", width=_LETTERS)
    for title in after:
        table.add_column(title, width=_LETTERS)
    for keyword in _SHOWN:
        values = [str(before.get(keyword, "")), *(str(each.get(keyword, "")) for each in after.values())]
        table.add_row(keyword, values[0], *("[green]=[/]" if value == values[0] else value for value in values[1:]))
    table.add_row("", picture(before), *(picture(each) for each in after.values()))
    sums = [sent[uid], *(got[title].get(uid, "") for title in after)]
    table.add_row("SHA-256", sums[0][:15] + "…", *(_mark(value == sums[0]) for value in sums[1:]))
    lines: list[RenderableType] = [Padding(table, (0, 0, 1, 2))]
    same = True
    for title, digests in got.items():
        identical = sum(sent.get(key) == value for key, value in digests.items())
        extra = len(digests.keys() - sent.keys())
        good = identical == len(sent) and not extra
        same = same and good
        lines.append(
            Text.assemble(
                ("  ✔ " if good else "  ✘ ", "green" if good else "red"),
                f"{title}: {identical} of {len(sent)} data sets byte-identical, {extra} that nobody sent",
            )
        )
    return Group(*lines), same


def picture(data: Dataset) -> str:
    """An image in a few letters, soft tissue window."""
    rows, columns, pixels = int(data.Rows), int(data.Columns), memoryview(data.PixelData).cast("H")
    lines = []
    for row in range(_LINES):
        y = int((row + 0.5) * rows / _LINES)
        values = [pixels[y * columns + int((x + 0.5) * columns / _LETTERS)] for x in range(_LETTERS)]
        lines.append("".join(_RAMP[max(0, min(len(_RAMP) - 1, (value - 1010) // 11))] for value in values))
    return "\n".join(lines)


def verdict(same: bool, seconds: float) -> Text:
    """The last line."""
    if same:
        return Text.assemble("\n", ("Nothing lost, nothing changed", "bold green"), f", {seconds:.0f} s in all.")
    return Text("\nSomething is missing or differs.", "bold red")


def _mark(good: bool) -> str:
    return "[green]=[/]" if good else "[red]differs[/]"


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the encoded data sets, by SOP Instance UID."""
    result = {}
    for path in folder.glob("*.dcm"):
        head = read_head(path)
        result[head.sop_instance_uid] = hashlib.sha256(path.read_bytes()[head.data_set_offset :]).hexdigest()
    return result


def _find(folder: Path, uid: str) -> Path | None:
    return next((path for path in folder.glob("*.dcm") if read_head(path).sop_instance_uid == uid), None)
