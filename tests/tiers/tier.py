# SPDX-License-Identifier: Apache-2.0
"""What a tier is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

Command = tuple[str, ...]


class Lane(Enum):
    """Where a tier runs: before all others and alone, or beside the other lane, which waits for other things."""

    FIRST = "first"
    HOST = "host"
    CLUSTER = "cluster"


@dataclass(frozen=True)
class Tier:
    """One tier: the commands it runs, and what keeps this machine from running it (None: nothing)."""

    name: str
    lane: Lane
    commands: tuple[Command, ...]
    missing: Callable[[], str | None]
