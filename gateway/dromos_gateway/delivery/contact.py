# SPDX-License-Identifier: Apache-2.0
"""Whether a destination answers: learnt from what is sent, asked for when nothing has been for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

INTERVAL = 60.0  # seconds without a word from the destination, after which it is asked
FIRST = 5.0  # and at first, when nothing is known
LOOK = 1.0  # seconds between looks at who shall be asked


class Contact:
    """The last that was heard of one destination."""

    def __init__(self, now: float, random: Random) -> None:
        self.reachable: bool | None = None  # None: not known yet
        self.error = ""
        self._random = random
        self.ask_at = now + random.uniform(FIRST / 2, FIRST)

    def heard(self, now: float) -> None:
        """It answered."""
        self.reachable, self.error = True, ""
        self._wait(now)

    def missed(self, error: str, now: float) -> None:
        """It did not; `error` says why."""
        self.reachable, self.error = False, error
        self._wait(now)

    def forget(self, now: float) -> None:
        """Another address or other credentials: what was learnt is void."""
        self.reachable, self.error = None, ""
        self.ask_at = now + self._random.uniform(0, FIRST)

    def _wait(self, now: float) -> None:
        # not all pods and destinations at one moment
        self.ask_at = now + self._random.uniform(0.9, 1.1) * INTERVAL


class Asked(Protocol):
    """A destination that can be asked."""

    contact: Contact

    async def ask(self) -> None:
        """Ask it, and tell `contact` of the answer; does nothing while there is no need."""


class Checks:
    """Asks each destination that has not been heard of for a while, one question at a time for each."""

    def __init__(self, destinations: Mapping[str, Asked], clock: Callable[[], float]) -> None:
        self._destinations = destinations
        self._clock = clock
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._look())

    def stop(self) -> None:
        """Ask no more."""
        for task in (self._task, *self._asking.values()):
            if task is not None:
                task.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            now = self._clock()
            for key, destination in self._destinations.items():
                if destination.contact.ask_at <= now and key not in self._asking:
                    self._asking[key] = asyncio.create_task(self._ask(key, destination))

    async def _ask(self, key: str, destination: Asked) -> None:
        try:
            await destination.ask()
        finally:
            del self._asking[key]
