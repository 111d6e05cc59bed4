# SPDX-License-Identifier: Apache-2.0
"""What a round gives, how it is kept and shown."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """One round. Seconds count from the first sender's start."""

    scenario: str
    workload: str
    system: str
    variant: str
    senders: int
    accepted_s: float  # the last sender has its last response
    delivered_s: float  # the last instance is complete at the receiver
    cpu_s: float  # of the system's processes, senders and receiver not counted
    peak_pss_mb: float  # highest sum over the system's processes, in 10^6 bytes
    instances: int
    bytes: int


@dataclass(frozen=True)
class Failed:
    """A round that a system did not get through. It has no figures, so it enters no median."""

    scenario: str
    workload: str
    system: str
    variant: str
    senders: int
    failed: str  # why


Result = Row | Failed


@dataclass(frozen=True)
class Median:
    """Rounds of the same thing, summed up."""

    row: Row
    rounds: int


def medians(rows: Sequence[Result]) -> list[Median]:
    """One for each scenario, workload, variant, system and number of senders, in order of appearance."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        if isinstance(row, Failed):
            continue
        groups.setdefault((row.scenario, row.workload, row.variant, row.system, row.senders), []).append(row)
    return [Median(_median(group), len(group)) for group in groups.values()]


def earlier(path: Path, chosen: Collection[str]) -> list[dict[str, Any]]:
    """Rows of other scenarios than the chosen ones, from a run before; none where there is no such file."""
    if not path.exists():
        return []
    return [row for row in json.loads(path.read_text())["rows"] if row["scenario"] not in chosen]


def write(path: Path, rows: Sequence[Result], before: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write ``{"rows": […]}``; `before` are rows of an earlier run, which stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": [*before, *(asdict(row) for row in rows)]}, indent=1) + "\n")


def table(rows: Sequence[Result]) -> str:
    """Medians, and each system's delivered time as a ratio: Dromos' to it."""
    head = f"{'scenario':<15}{'workload':<9}{'variant':<9}{'system':<11}{'senders':>7}{'rounds':>7}"
    lines = [f"{head}{'accepted':>10}{'delivered':>11}{'cpu':>8}{'peak Pss':>11}   dromos/it"]
    summed = medians(rows)
    for each in summed:
        row = each.row
        ours = next((other.row for other in summed if _same_but_system(other.row, row)), None)
        ratio = ""
        if ours is not None and row.system != "dromos":
            accepted, delivered = ours.accepted_s / row.accepted_s, ours.delivered_s / row.delivered_s
            ratio = f"{accepted:6.2f} accepted {delivered:6.2f} delivered"
        lines.append(
            f"{row.scenario:<15}{row.workload:<9}{row.variant:<9}{row.system:<11}{row.senders:>7}{each.rounds:>7}"
            f"{row.accepted_s:>8.2f} s{row.delivered_s:>9.2f} s{row.cpu_s:>6.2f} s{row.peak_pss_mb:>8.0f} MB   {ratio}"
        )
    lines += [line_of(row) for row in rows if isinstance(row, Failed)]
    return "\n".join(lines)


def line_of(row: Failed) -> str:
    """What the table says of a system that did not get through."""
    return f"{row.scenario:<15}{row.workload:<9}{row.variant:<9}{row.system:<11}{row.senders:>7}   failed: {row.failed}"


def _same_but_system(other: Row, row: Row) -> bool:
    return other.system == "dromos" and (other.scenario, other.workload, other.variant, other.senders) == (
        row.scenario, row.workload, row.variant, row.senders,
    )  # fmt: skip


def _median(group: Sequence[Row]) -> Row:
    first = group[0]
    return Row(
        first.scenario, first.workload, first.system, first.variant, first.senders,
        median(row.accepted_s for row in group),
        median(row.delivered_s for row in group),
        median(row.cpu_s for row in group),
        max(row.peak_pss_mb for row in group),
        first.instances,
        first.bytes,
    )  # fmt: skip
