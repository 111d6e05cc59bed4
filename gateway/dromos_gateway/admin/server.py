# SPDX-License-Identifier: Apache-2.0
"""The admin port. /healthz, /readyz and /metrics are open; the rest needs the token, or without one loopback."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from dromos_gateway.admin import failures, metrics, transfers, views
from dromos_gateway.admin.connections import Connections, leave_out_nonsense
from dromos_gateway.dimse.listening import listen
from dromos_gateway.gateway import Gateway

log = logging.getLogger(__name__)

_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
_MAX_BODY = 64 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminServer:
    """Serves one gateway's admin port."""

    def __init__(self, gateway: Gateway, token_file: Path | None) -> None:
        self._gateway = gateway
        self._token_file = token_file
        application = web.Application(middlewares=[self._guard], client_max_size=_MAX_BODY)
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/v1/configuration", self._configuration),
                web.get("/v1/status", self._status),
                *failures.routes(gateway),
                *transfers.routes(gateway),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)
        self._connections: Connections | None = None
        self._servers: list[asyncio.Server] = []
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; OSError when the address cannot be bound."""
        leave_out_nonsense()
        await self._runner.setup()
        assert self._runner.server is not None, "it is set up"  # noqa: S101
        self._connections = Connections(self._runner.server)
        listening = await listen(host, port)
        self.port = int(listening[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(self._connections, sock=each) for each in listening]
        if self._token_file is not None and not self._token():
            log.warning("admin token file is unreadable or empty", extra={"file": str(self._token_file)})

    async def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            server.close()
        if self._connections is not None:
            self._connections.close()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        assert self._connections is not None, "a request came in"  # noqa: S101
        self._connections.asked(request.protocol)
        try:
            if request.path not in _OPEN and not self._allowed(request):
                return web.json_response(
                    {"error": "this needs the admin token, or without one a loopback address"},
                    status=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
            return await handler(request)
        except sqlite3.Error as error:  # of a damaged disk, say: what is asked for elsewhere is answered
            log.error("the ledger cannot be read", extra={"error": str(error)})  # noqa: TRY400
            return web.json_response({"error": f"the gateway's ledger cannot be read: {error}"}, status=503)
        finally:
            self._connections.answered(request.protocol)

    def _allowed(self, request: web.Request) -> bool:
        if self._token_file is None:
            return _from_here(request)
        token = self._token()
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        said = given.strip().encode(errors="surrogateescape")  # as the bytes were
        return bool(token) and scheme.lower() == "bearer" and hmac.compare_digest(said, token)

    def _token(self) -> bytes:
        """What the file says now, as a Secret may be rotated; empty, which is nobody's token, when it says nothing."""
        assert self._token_file is not None, "one is wanted"  # noqa: S101
        try:
            return self._token_file.read_bytes().strip()
        except OSError:
            return b""

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if not self._gateway.ready:
            return web.Response(text="not ready\n", status=503)
        if not self._gateway.spool.there:
            return web.Response(text="the spool's folder is gone\n", status=503)
        if self._gateway.configuration.locked:
            return web.Response(text="the certificate of the listener cannot be used\n", status=503)
        return web.Response(text="ok\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        body = await metrics.render(self._gateway)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _configuration(self, _: web.Request) -> web.Response:
        return web.json_response(views.configuration(self._gateway))

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(await views.status(self._gateway))


def _from_here(request: web.Request) -> bool:
    """Asked by a program of this machine; not by a web page in somebody's browser here, whatever name it gave us."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
        named = host == "localhost" or bool(ipaddress.ip_address(host))
        return named and ipaddress.ip_address(request.remote or "").is_loopback and "Origin" not in request.headers
    except ValueError:
        return False
