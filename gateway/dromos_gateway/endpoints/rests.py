# SPDX-License-Identifier: Apache-2.0
"""Who is left alone for a while, and why: a service that nobody answers at, a question that it fails at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from random import Random

_SHORTEST, _LONGEST = 1.0, 60.0  # seconds, doubling
_MOST = 10_000


class Rests:
    """By whatever can be told apart; the oldest go first. Keys may be patient data: nothing of them is shown."""

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        """`clock` gives seconds and never steps back; `random` spreads tries in time."""
        self._clock = clock
        self._random = random
        self._failures: OrderedDict[Hashable, tuple[int, float, str]] = OrderedDict()  # how often, until when, why

    def of(self, key: Hashable) -> tuple[str, float] | None:
        """Why, and for how many seconds more; None: ask."""
        _, until, message = self._failures.get(key, (0, 0.0, ""))
        left = until - self._clock()
        return (message, left) if message and left > 0 else None

    def failed(self, key: Hashable, message: str, at_least: float) -> float:
        """Leave it alone; for how many seconds."""
        failures = self._failures.get(key, (0,))[0] + 1
        rest = min(_LONGEST, _SHORTEST * 2.0 ** min(failures - 1, 10))
        rest = min(_LONGEST, max(at_least, self._random.uniform(rest / 2, rest)))
        self._failures[key] = (failures, self._clock() + rest, message)
        self._failures.move_to_end(key)
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)
        return rest

    def answered(self, key: Hashable) -> None:
        """Forget what was wrong."""
        self._failures.pop(key, None)
