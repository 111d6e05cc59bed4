# SPDX-License-Identifier: Apache-2.0
"""A circuit breaker: a destination that is down is asked now and then, not once for each instance."""

from __future__ import annotations

from enum import StrEnum

THRESHOLD = 5
FIRST_PROBE = 2.0
LAST_PROBE = 60.0


class BreakerState(StrEnum):
    """Closed: instances flow. Open: nothing is sent. HalfOpen: a probe is on its way."""

    Closed = "Closed"
    Open = "Open"
    HalfOpen = "HalfOpen"


class Breaker:
    """Opens after five failures in a row; probes after 2 s, doubling to 60 s.

    A good probe closes it, but only a stored instance resets the pace: a peer that answers C-ECHO and refuses every
    C-STORE is not asked any faster than one that is down.
    """

    def __init__(self) -> None:
        self.state = BreakerState.Closed
        self.failures = 0
        self.probe_at = 0.0
        self._delay = FIRST_PROBE

    @property
    def closed(self) -> bool:
        """Whether instances may be sent."""
        return self.state is BreakerState.Closed

    def failed(self, now: float) -> bool:
        """The destination let us down; whether that opened the breaker."""
        self.failures += 1
        if self.closed and self.failures >= THRESHOLD:
            self._open(now)
            return True
        return False

    def trip(self, now: float) -> bool:
        """The destination refuses us as such: no use in trying four more. Whether that opened the breaker."""
        self.failures += 1
        if not self.closed:
            return False
        self._open(now)
        return True

    def succeeded(self) -> None:
        """An instance was taken, or refused for its own sake: the destination works."""
        self.failures = 0
        self._delay = FIRST_PROBE
        self.state = BreakerState.Closed

    def probing(self) -> None:
        """A probe is on its way."""
        self.state = BreakerState.HalfOpen

    def probed(self, good: bool, now: float) -> None:
        """A probe came back."""
        if good:
            self.state = BreakerState.Closed
            self.failures = 0
        else:
            self._open(now)

    def reset(self) -> None:
        """The destination's configuration changed: what was learnt of it is void."""
        self.succeeded()

    def _open(self, now: float) -> None:
        self.state = BreakerState.Open
        self.probe_at = now + self._delay
        self._delay = min(LAST_PROBE, self._delay * 2)
