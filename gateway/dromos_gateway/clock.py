# SPDX-License-Identifier: Apache-2.0
"""Time that never jumps, for whatever waits, expires or is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable

_SLEW = 0.1  # how much faster or slower it goes while it is wrong


class SteadyClock:
    """Seconds since the epoch, as the wall clock had them at first.

    When the wall clock is set, this one goes a tenth faster or slower until both agree again: a retry is never put off
    by a day, and an instance never expires, because somebody corrected a clock.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._time = wall()
        self._seen = monotonic()

    def __call__(self) -> float:
        """Now; never earlier than before."""
        seen = self._monotonic()
        elapsed, self._seen = seen - self._seen, seen
        self._time += elapsed
        most = elapsed * _SLEW
        self._time += max(-most, min(most, self._wall() - self._time))
        return self._time
