# SPDX-License-Identifier: Apache-2.0
"""What the metrics say of one destination beyond its queue. Counted since the process began."""

from __future__ import annotations

from dromos_gateway import pipeline
from dromos_gateway.delivery.outcome import Outcome, TryAgain
from dromos_gateway.histogram import DELIVERIES, Histogram
from dromos_gateway.pseudonyms.resolution import PSEUDONYM_NOT_FOUND
from dromos_gateway.spool.records import Delivery, Instance


class Figures:
    """Bytes, durations, and how often a pseudonym was missing."""

    def __init__(self) -> None:
        self.bytes = 0  # as they were received
        self.durations = Histogram(DELIVERIES)  # from received to delivered
        self.pseudonym_misses = 0

    def begun(self, delivery: Delivery) -> None:
        """An attempt begins."""

    def concluded(self, delivery: Delivery, outcome: Outcome) -> None:
        """An attempt is over."""

    def delivered(self, instance: Instance, now: float) -> None:
        """An instance has arrived."""
        self.bytes += instance.size
        self.durations.observe(now - instance.received_at)

    def kept_back(self, decision: pipeline.Decision | TryAgain) -> None:
        """A rule or a doubt keeps an instance from being sent now."""
        if isinstance(decision, pipeline.Fail | pipeline.Hold) and decision.reason == PSEUDONYM_NOT_FOUND:
            self.pseudonym_misses += 1
