# SPDX-License-Identifier: Apache-2.0
"""How long things take, counted into a fixed number of buckets: cheap enough for every instance."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

DELIVERIES = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)  # seconds
ASSOCIATIONS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


class Histogram:
    """Counts of observations up to each bound, and beyond the last one; their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a clock that was set back makes no negative duration."""
        value = max(0.0, seconds)
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, `+Inf` last, as Prometheus wants them."""
        names: Iterable[str] = (*map(str, self._bounds), "+Inf")
        return [(name, float(count)) for name, count in zip(names, accumulate(self._counts), strict=True)]
