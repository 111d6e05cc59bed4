# SPDX-License-Identifier: Apache-2.0
"""Work that nobody waits for while it is done, only at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


class Background:
    """Tasks under way: the event loop itself would let go of them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Begin something."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def over(self) -> None:
        """Wait until everything that was begun has ended, whichever way."""
        if self._tasks:
            await asyncio.wait(self._tasks)
