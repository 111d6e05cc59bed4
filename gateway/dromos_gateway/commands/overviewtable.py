# SPDX-License-Identifier: Apache-2.0
"""Tables of destinations for a screen, whose last column is what is wrong, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime

_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None, *, dispensable: int | None = None
) -> list[str]:
    """A line for each row below that of the titles, the columns wide enough for what is in them.

    Where the terminal has fewer `columns` than a line needs, the words go below it; so does the `dispensable` column
    where the others need them all.
    """
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    short = dispensable is not None and columns is not None and sum(widths[:-1]) + 2 * len(widths[:-1]) > columns
    result: list[str] = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        whole = ("  " + "  ".join(cells)).rstrip()
        if columns is None or (len(whole) <= columns and not short):
            result.append(whole)
            continue
        moved = dispensable if short else None
        result.append(("  " + "  ".join(cell for at, cell in enumerate(cells[:-1]) if at != moved)).rstrip())
        below = ": ".join(filter(None, (row[moved] if moved is not None else "", row[-1])))
        if row is not head and below:
            result += textwrap.wrap(below, max(20, columns), initial_indent="    ", subsequent_indent="    ")
    return result


def size(count: int) -> str:
    """Bytes for people: ``1.5 GiB``."""
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"


def age(time: str | None, now: datetime) -> str:
    """How long ago an RFC 3339 time was: ``4m ago``."""
    if not time:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(time)).total_seconds()))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{seconds // unit}{name} ago"
    return f"{seconds}s ago"
