# SPDX-License-Identifier: Apache-2.0
"""How `dromos preview` shows what would become of an instance."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dromos_crds.dictionary import keywords_by_tag
from dromos_gateway.deid.outcomes import Step

FORMATS = ("table", "json")
_LONGEST = 40  # characters of a value in a table
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Shown:
    """One file and what would become of it."""

    file: Path
    destination: str
    verdict: str  # Sent, Excluded, Held
    reason: str = ""
    message: str = ""
    sop_class_uid: str = ""
    transfer_syntax: tuple[str, str] = ("", "")  # before and after
    steps: tuple[Step, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    digest: str = ""
    rectangles: tuple[str, ...] = ()
    out: Path | None = None
    png: Path | None = None


def write(shown: Sequence[Shown], shape: str) -> None:
    """Show on standard output."""
    if shape == "json":
        json.dump([_object(each) for each in shown], sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    for number, each in enumerate(shown):
        if number:
            print()
        _print(each)


def _object(each: Shown) -> dict[str, Any]:
    before, after = each.transfer_syntax
    return {
        "file": str(each.file),
        "destination": each.destination,
        "verdict": each.verdict,
        "reason": each.reason,
        "message": each.message,
        "sopClassUID": each.sop_class_uid,
        "transferSyntaxUID": {"before": before, "after": after},
        "changes": [
            {
                "path": [_tag(tag) for tag in step.path],
                "keyword": keywords_by_tag().get(step.path[-1], ""),
                "vr": step.vr,
                "action": step.action,
                "rule": step.rule,
                "before": step.before,
                "after": step.after,
            }
            for step in each.steps
        ],
        "mask": {"rectangles": list(each.rectangles)} if each.rectangles else None,
        "notes": list(each.notes),
        "digest": each.digest,
        "out": str(each.out) if each.out is not None else None,
        "png": str(each.png) if each.png is not None else None,
    }


def _print(each: Shown) -> None:
    why = ": ".join(part for part in (each.reason, each.message) if part)
    print(f"{each.file} → {each.destination}: {each.verdict}" + (f" ({why})" if why else ""))
    before, after = each.transfer_syntax
    if before != after and after:
        print(f"transfer syntax {before} → {after}")
    if each.steps:
        _print_table([("ELEMENT", "KEYWORD", "VR", "ACTION", "BEFORE", "AFTER", "RULE"), *map(_row, each.steps)])
    elif each.verdict == "Sent":
        print("no element changes")
    if each.rectangles:
        print(f"mask: {', '.join(each.rectangles)} (x y width height)")
    for note in each.notes:
        print(f"note: {note}")
    for what, path in (("file", each.out), ("image", each.png)):
        if path is not None:
            print(f"{what} written: {path}")


def _row(step: Step) -> tuple[str, ...]:
    place = " > ".join(_tag(tag) for tag in step.path)
    keyword = keywords_by_tag().get(step.path[-1], "")
    return place, keyword, step.vr, step.action, _short(step.before), _short(step.after), step.rule


def _short(text: str | None) -> str:
    """A value in a cell: nothing in it moves the cursor."""
    if text is None:
        return "-"
    plain = _CONTROL.sub("·", text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
