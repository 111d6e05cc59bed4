# SPDX-License-Identifier: Apache-2.0
"""A part of a scenario, for whoever works on one thing and wants its figures in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.interleave import ROUNDS
from bench.systems.system import System
from bench.workloads import Workload

Named = TypeVar("Named", System, Workload)


@dataclass(frozen=True)
class Choice:
    """Empty: everything there is."""

    workloads: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()
    rounds: int = ROUNDS

    def of_workloads(self, there: Sequence[Workload]) -> list[Workload]:
        """The chosen ones, in their own order."""
        return _chosen(self.workloads, there)

    def of_systems(self, there: Sequence[System]) -> list[System]:
        """The chosen ones, in their own order."""
        return _chosen(self.systems, there)

    def of_variants(self, there: Sequence[str]) -> list[str]:
        """The chosen ones, in their own order."""
        return [name for name in there if not self.variants or name in self.variants]


EVERYTHING = Choice()


def _chosen(names: frozenset[str], there: Sequence[Named]) -> list[Named]:
    return [each for each in there if not names or each.name in names]
