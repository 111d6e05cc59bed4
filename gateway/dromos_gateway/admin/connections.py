# SPDX-License-Identifier: Apache-2.0
"""Connections to the admin port: so many and no more, and none that keeps us waiting.

aiohttp has a deadline for neither a request nor the number of connections. Whoever reaches the port could take all
descriptors there are, and then no image would come in either.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MOST = 256  # probes, Prometheus, the operator and a few people need a dozen
PATIENCE = 10.0  # seconds for a first request to be there
KEPT = 90.0  # seconds that a connection may be silent after an answer: longer than anybody's scrape interval
_LOOK = 1.0


class Connections:
    """Makes the protocols of a server; hangs up on those that have nothing to say."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._silent_until: dict[Any, float] = {}
        self._watch = asyncio.create_task(self._hang_up())

    def __call__(self) -> asyncio.BaseProtocol:
        """A protocol for a new connection."""
        if len(self._server.connections) >= MOST:
            return _Closed()
        protocol = self._server()
        self._silent_until[protocol] = self._loop.time() + PATIENCE
        return protocol

    def asked(self, protocol: object) -> None:
        """A request is there, and answered however long that takes."""
        self._silent_until.pop(protocol, None)

    def answered(self, protocol: object) -> None:
        """The next one may be long in coming."""
        self._silent_until[protocol] = self._loop.time() + KEPT

    def close(self) -> None:
        """No longer look after them."""
        self._watch.cancel()

    async def _hang_up(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            now = self._loop.time()
            for protocol in [each for each, until in self._silent_until.items() if until < now]:
                del self._silent_until[protocol]
                if protocol.transport is not None:  # else it is gone already
                    protocol.transport.abort()


class _Closed(asyncio.Protocol):
    """One too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        transport.close()


def leave_out_nonsense() -> None:
    """What is no HTTP is nobody's mistake here, and may hold anything: it is answered with 400 and not logged."""
    logging.getLogger("aiohttp.server").addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
