# SPDX-License-Identifier: Apache-2.0
"""What the lanes in the sending process have in common: they take parcels, carry them in order, stumble and end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from dromos_gateway.delivery.messages import Ended, Kind, Load, Parcel, Report, Returned


class Carrying(ABC):
    """A lane. It stops at the first parcel that must be tried again, so that its owner can think about it."""

    def __init__(self, number: int, report: Callable[[Report], None]) -> None:
        self._number = number
        self._report = report
        self._parcels: deque[Parcel] = deque()
        self._stumbles = 0
        self._releasing = False
        self._wanted = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @abstractmethod
    def open(self, kinds: tuple[Kind, ...]) -> None:
        """Get ready before there is anything to carry."""

    @abstractmethod
    async def _carry(self) -> None:
        """Carry the first of what waits, and perhaps more of it."""

    def load(self, order: Load) -> None:
        """Take more to carry; what was ordered before the owner heard of the last failure goes back untried."""
        if order.stumbles != self._stumbles:
            self._report(Returned(self._number, tuple(parcel.key for parcel in order.parcels)))
            return
        self._parcels.extend(order.parcels)
        self._wanted.set()

    def recall(self) -> None:
        """Give back what is not begun, and what is on its way."""
        self._stumble()

    def release(self) -> None:
        """End when everything is carried."""
        self._releasing = True
        self._wanted.set()

    def abort(self) -> None:
        """End now."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._get_ready()
                while self._parcels:
                    await self._carry()
                if self._releasing:
                    await self._finish()
                    return
        finally:
            self._leave()
            self._report(Ended(self._number))

    async def _get_ready(self) -> None:  # noqa: B027 - nothing for most
        """Whatever comes before parcels."""

    async def _finish(self) -> None:  # noqa: B027 - likewise
        """End in order."""

    def _leave(self) -> None:  # noqa: B027 - likewise
        """Let go of what is still held, in order or not."""

    def _stumble(self) -> None:
        """Give back what waits here, as behind a parcel that must be tried again."""
        self._stumbles += 1
        self._report(Returned(self._number, tuple(each.key for each in self._parcels), stumbled=True))
        self._parcels.clear()
