# SPDX-License-Identifier: Apache-2.0
"""Answers that are remembered for a while, and no more of them than fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

LIFE = 900.0  # seconds
MOST = 10_000


class Cache:
    """The least recently used one goes first. Holds patient data: nothing of it is shown."""

    def __init__(self, clock: Callable[[], float], life: float = LIFE, most: int = MOST) -> None:
        """`clock` gives seconds and never steps back."""
        self._clock = clock
        self._life = life
        self._most = most
        self._entries: OrderedDict[Hashable, tuple[float, str]] = OrderedDict()

    def get(self, key: Hashable) -> str | None:
        """The value, unless it is too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        until, value = entry
        if self._clock() >= until:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: Hashable, value: str) -> None:
        """Remember a value from now on."""
        self._entries[key] = (self._clock() + self._life, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
