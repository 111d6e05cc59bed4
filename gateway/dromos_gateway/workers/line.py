# SPDX-License-Identifier: Apache-2.0
"""The pool's end of the socket to a worker: a message goes, one comes back."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from dromos_gateway.workers.messages import HEADER, MAX_ANSWER, UntrustedAnswer, dump


class Line(asyncio.Protocol):
    """One question at a time, by number. What comes without having been asked for ends it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._number = 0
        self._came = bytearray()

    @classmethod
    async def over(cls, ours: socket.socket) -> Line:
        """The line over one end of a pair."""
        ours.setblocking(False)
        _, line = await asyncio.get_running_loop().create_connection(cls, sock=ours)
        return line

    @property
    def is_open(self) -> bool:
        """Whether somebody may be at the other end."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, number: int, question: object) -> bytes:
        """The body of the answer. EOFError when the other end is gone, `UntrustedAnswer` when it is none to this."""
        if self._transport is None or self._transport.is_closing():
            raise EOFError
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer, self._number = answer, number
        self._transport.write(dump(number, question))
        try:
            return await answer
        finally:
            self._answer = None

    def close(self) -> None:
        """End it; the worker ends, too."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is attached."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._came += data
        if len(self._came) < HEADER.size:
            return
        length, number = HEADER.unpack_from(self._came)
        end = HEADER.size + length
        if length > MAX_ANSWER:
            self._answer.set_exception(UntrustedAnswer(f"a worker's answer is {length} bytes long"))
        elif number != self._number:
            self._answer.set_exception(UntrustedAnswer("a worker's answer is to another job"))
        elif len(self._came) >= end:
            self._answer.set_result(bytes(memoryview(self._came)[HEADER.size : end]))
            if len(self._came) > end:
                self.close()
            self._came = bytearray()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is gone, or this one was closed."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(EOFError())
