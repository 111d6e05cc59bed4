# SPDX-License-Identifier: Apache-2.0
"""A TCP relay that delivers everything a while later: `python -m bench.relay PORT TARGET-PORT SECONDS`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import cast

import uvloop


class _End(asyncio.Protocol):
    """One of the two connections; what comes in goes out of the other, later."""

    def __init__(self, delay: float, made: Callable[[_End], None]) -> None:
        self._delay = delay
        self._made = made
        self._early: list[Callable[[asyncio.Transport], None]] = []
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._made(self)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._delay, self._pass_on, lambda other: other.write(data))

    def connection_lost(self, exc: Exception | None) -> None:
        asyncio.get_running_loop().call_later(self._delay, self._pass_on, lambda other: other.close())

    def join(self, other: _End) -> None:
        """The other connection stands: what came early goes on."""
        self.other = other
        early, self._early = self._early, []
        for act in early:
            self._pass_on(act)

    def _pass_on(self, act: Callable[[asyncio.Transport], None]) -> None:
        if self.other is None or self.other.transport is None:
            self._early.append(act)
        else:
            act(self.other.transport)


async def _serve(port: int, target: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    tasks = set[asyncio.Task[None]]()

    async def onward(near: _End) -> None:
        await asyncio.sleep(2 * delay)  # the handshake of TCP goes there and back as well
        _, far = await loop.create_connection(lambda: _End(delay, lambda _: None), "127.0.0.1", target)
        far.join(near)
        near.join(far)

    def accepted(near: _End) -> None:
        task = loop.create_task(onward(near))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await loop.create_server(lambda: _End(delay, accepted), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
