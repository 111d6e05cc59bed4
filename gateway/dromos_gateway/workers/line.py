# SPDX-License-Identifier: Apache-2.0
"""The pool's end of the socket over which a worker answers."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol, cast

from dromos_gateway.workers.messages import HEADER, MAX_ANSWER, UntrustedAnswer


class Listener(Protocol):
    """Whoever waits for answers."""

    @property
    def expected(self) -> int | None:
        """The number of the job to which the next answer is; None when nothing was asked."""

    def heard(self, body: bytes) -> None:
        """The answer to that job."""

    def hung_up(self, why: UntrustedAnswer | None) -> None:
        """There is nothing more to hear: the other end is gone, or said what it may not say."""


class Line(asyncio.Protocol):
    """Answers, each to the job whose turn it is. Anything else ends it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._came = bytearray()
        self._why: UntrustedAnswer | None = None

    @classmethod
    async def over(cls, ours: socket.socket, listener: Listener) -> Line:
        """The line over one end of a pair."""
        ours.setblocking(False)
        _, line = await asyncio.get_running_loop().create_connection(lambda: cls(listener), sock=ours)
        return line

    def close(self) -> None:
        """End it; the listener hears of that, too."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is attached."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or more."""
        self._came += data
        while self._why is None and len(self._came) >= HEADER.size:
            length, number = HEADER.unpack_from(self._came)
            end = HEADER.size + length
            if length > MAX_ANSWER:
                self._refuse(f"a worker's answer is {length} bytes long")
            elif number != self._listener.expected:
                self._refuse("a worker's answer is to another job")
            elif len(self._came) < end:
                return
            else:
                body = bytes(memoryview(self._came)[HEADER.size : end])
                del self._came[:end]
                self._listener.heard(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is gone, or this one was closed."""
        self._transport = None
        self._listener.hung_up(self._why)

    def _refuse(self, why: str) -> None:
        self._why = UntrustedAnswer(why)
        self.close()
