# SPDX-License-Identifier: Apache-2.0
"""A de-duplicating queue with delays and backoff, with the contract of client-go's work queue.

A key that waits is there once. A key that is added while a worker has it is handed out again when that worker is done,
and never to two workers at a time. Delays only ever move a key forward.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 60.0


class WorkQueue(Generic[K]):
    """Keys that need work, each at most once."""

    def __init__(
        self, clock: Callable[[], float] | None = None, jitter: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._jitter = jitter
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._working: set[K] = set()
        self._again: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Ask for work on a key, at the latest `delay` seconds from now."""
        due = self._clock() + delay
        if key in self._working:
            self._again[key] = min(due, self._again.get(key, due))
        elif due < self._due.get(key, float("inf")):
            self._due[key] = due
            self._count += 1
            heapq.heappush(self._heap, (due, self._count, key))
            self._changed.set()

    async def get(self) -> K:
        """Wait for the next key that is due; `done` must follow."""
        while True:
            wait = self._until_next()
            if wait is not None and wait <= 0:
                key = heapq.heappop(self._heap)[2]
                del self._due[key]
                self._working.add(key)
                return key
            self._changed.clear()
            # not wait_for: before Python 3.12 it can lose a cancellation that meets the event
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    def done(self, key: K, *, failed: bool = False) -> float | None:
        """Give a key back; after a failure it returns by itself, later each time. Returns that delay."""
        self._working.discard(key)
        again = self._again.pop(key, None)
        if failed:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(failures - 1, 16))
            delay = self._jitter(ceiling / 2, ceiling)
            if again is not None:  # there is news, perhaps the remedy
                delay = min(delay, FIRST_BACKOFF)
            self.add(key, delay)
            return delay
        self._failures.pop(key, None)
        if again is not None:
            self.add(key, max(0.0, again - self._clock()))
        return None

    def _until_next(self) -> float | None:
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due - self._clock()
            heapq.heappop(self._heap)  # superseded by an earlier one
        return None
