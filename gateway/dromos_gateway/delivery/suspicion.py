# SPDX-License-Identifier: Apache-2.0
"""Instances that a peer dies of: they must neither be retried for ever nor hold up what waits behind them.

A failure alone says nothing: the peer may be down. It speaks against an instance when it comes back with that instance
and others are delivered in between.
"""

from __future__ import annotations

from dataclasses import replace

from dromos_gateway.delivery.outcome import Refused, TryAgain

_SUSPECT = 2  # failures from which on the destination is no longer blamed
_GUILTY = 5  # failures that make a dead letter
REASON = "PeerFailsOnInstance"


class Suspects:
    """What one destination's waiting deliveries have on their account; a restart forgets it."""

    def __init__(self) -> None:
        self._delivered = 0
        self._known: dict[int, tuple[int, int]] = {}  # delivery: failures that count, what was delivered by then

    def delivered(self) -> None:
        """The destination took an instance."""
        self._delivered += 1

    def forget(self, delivery: int) -> None:
        """A delivery is over."""
        self._known.pop(delivery, None)

    def judge(self, delivery: int, outcome: TryAgain) -> TryAgain | Refused:
        """Read a failure in the light of earlier ones and of what was delivered since."""
        if not outcome.suspects_instance:
            return outcome
        failures, before = self._known.get(delivery, (0, -1))
        if self._delivered > before:
            failures += 1
            self._known[delivery] = failures, self._delivered
        if failures >= _GUILTY:
            text = f"{outcome.message}; so it went {failures} times, and others were delivered in between"
            return Refused(REASON, text)
        return replace(outcome, blames_destination=False) if failures >= _SUSPECT else outcome
