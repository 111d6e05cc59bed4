# SPDX-License-Identifier: Apache-2.0
"""Messages between two of our own processes over a socket pair; those of one turn of the loop travel together.

Those that come with each instance travel as plain tuples, which costs less than pickling them.
"""

from __future__ import annotations

import asyncio
import marshal
import pickle
import socket
import struct
from collections.abc import Callable
from typing import Any, cast

from dromos_gateway.delivery.messages import Done, Load, Parcel
from dromos_gateway.delivery.outcome import Sent

_LENGTH = struct.Struct("<I")
_OTHER, _LOAD, _DONE = range(3)
_SENT = Sent()


class Channel(asyncio.Protocol):
    """One end. Only the process that made the pair, and its child, can write to it: unpacking is safe."""

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
            for code, content in marshal.loads(memoryview(data)[offset + _LENGTH.size : end]):  # noqa: S302 - our child's
                self._received(_read(code, content))
            offset = end
        self._rest = data[offset:]

    def connection_lost(self, exc: Exception | None) -> None:
        """The other process is gone."""
        self._transport = None
        self._lost()

    def _flush(self) -> None:
        messages, self._waiting = self._waiting, []
        if messages and self._transport is not None and not self._transport.is_closing():
            body = marshal.dumps([_plain(message) for message in messages])
            self._transport.write(_LENGTH.pack(len(body)) + body)


def _plain(message: Any) -> tuple[int, Any]:  # an order or a report
    """What `marshal` takes: of the messages that come with each instance their fields, of others a pickle."""
    if isinstance(message, Done) and message.outcome == _SENT:
        return _DONE, (message.lane, message.key, message.connected)
    if isinstance(message, Load):
        lane, parcels, *rest = message
        return _LOAD, (lane, [tuple(parcel) for parcel in parcels], *rest)
    return _OTHER, pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def _read(code: int, content: Any) -> Any:  # likewise
    if code == _DONE:
        lane, key, connected = content
        return Done(lane, key, _SENT, connected)
    if code == _LOAD:
        lane, parcels, *rest = content
        return Load(lane, tuple(Parcel(*fields) for fields in parcels), *rest)
    return pickle.loads(content)  # noqa: S301 - our own child's
