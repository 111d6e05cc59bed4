# SPDX-License-Identifier: Apache-2.0
"""What the demo shows on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dromos_gateway.demo import judging
from dromos_gateway.demo.judging import Finding

_LETTERS, _LINES = 16, 9
_RAMP = " .:-=+*#%@"
_SHOWN = ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "StudyDescription", "SOPInstanceUID")


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


def comparison(study: Path, folders: Mapping[str, Path]) -> RenderableType:
    """One instance as it was sent, and as each receiver has it."""
    files = sorted(study.iterdir())
    example = files[len(files) // 2]
    before = dcmread(example)
    found = {name: judging.find(folder, before.InstanceNumber) for name, folder in folders.items()}
    after = {name: path for name, path in found.items() if path is not None}
    images = [before, *(dcmread(path) for path in after.values())]
    table = Table(title=f"{example.name}, before and after", title_justify="left", title_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    for name in ("sent by CT1", *after):
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=_LETTERS)
    for keyword in _SHOWN:
        _row(table, keyword, [str(image.get(keyword, "")) for image in images])
    table.add_row("", *(picture(image) for image in images))
    _row(table, "SHA-256, pixels", [judging.pixels(image) for image in images])
    _row(table, "SHA-256, all", [judging.data_set(path) for path in (example, *after.values())])
    return Padding(table, (0, 0, 1, 2))


def finding(name: str, found: Finding) -> Text:
    """What is said of one receiver."""
    mark = ("  ✔ ", "green") if found.good else ("  ✘ ", "red")
    return Text.assemble(mark, f"{name}: {found.sentence}")


def picture(data: Dataset) -> str:
    """An image in a few letters, soft tissue window."""
    rows, columns, pixels = int(data.Rows), int(data.Columns), memoryview(data.PixelData).cast("H")
    lines = []
    for row in range(_LINES):
        y = int((row + 0.5) * rows / _LINES)
        values = [pixels[y * columns + int((x + 0.5) * columns / _LETTERS)] for x in range(_LETTERS)]
        lines.append("".join(_RAMP[max(0, min(len(_RAMP) - 1, (value - 1010) // 11))] for value in values))
    return "\n".join(lines)


def verdict(good: bool, seconds: float) -> Text:
    """The last line."""
    if good:
        return Text.assemble(
            "\n", ("Nothing lost, nothing left by mistake", "bold green"), f", {seconds:.0f} s in all."
        )
    return Text("\nSomething is missing, or not as it should be.", "bold red")


def _row(table: Table, title: str, values: list[str]) -> None:
    """A line of values; one that is as it was sent is a sign."""
    cells = (Text("=", "green") if value == values[0] else Text(value or "(empty)") for value in values[1:])
    table.add_row(title, Text(values[0]), *cells)
