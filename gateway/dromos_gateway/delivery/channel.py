# SPDX-License-Identifier: Apache-2.0
"""Messages between two of our own processes over a socket pair; those of one turn of the loop travel together."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

_LENGTH = struct.Struct("<I")


class Channel(asyncio.Protocol):
    """One end. Only the process that made the pair, and its child, can write to it: unpickling is safe."""

    def __init__(self, received: Callable[[Any], None], lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[Any] = []
        self._rest = b""

    @classmethod
    async def over(cls, sock: socket.socket, received: Callable[[Any], None], lost: Callable[[], None]) -> Channel:
        """Make a channel of one socket of a pair."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_connection(lambda: cls(received, lost), sock=sock)
        return channel

    def post(self, message: object) -> None:
        """Send at the end of this turn of the loop."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(message)

    def close(self) -> None:
        """Send what was posted, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is attached."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on every complete message."""
        data = self._rest + data if self._rest else data
        offset = 0
        while len(data) - offset >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, offset)
            end = offset + _LENGTH.size + length
            if end > len(data):
                break
            for message in pickle.loads(memoryview(data)[offset + _LENGTH.size : end]):  # noqa: S301 - our own child's
                self._received(message)
            offset = end
        self._rest = data[offset:]

    def connection_lost(self, exc: Exception | None) -> None:
        """The other process is gone."""
        self._transport = None
        self._lost()

    def _flush(self) -> None:
        messages, self._waiting = self._waiting, []
        if messages and self._transport is not None and not self._transport.is_closing():
            body = pickle.dumps(messages, pickle.HIGHEST_PROTOCOL)
            self._transport.write(_LENGTH.pack(len(body)) + body)
