# SPDX-License-Identifier: Apache-2.0
"""The operator's own port: /healthz while the process works, /readyz once the cluster is known, /metrics."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


async def serve(listen: tuple[str, int], is_alive: Callable[[], bool], is_ready: Callable[[], bool]) -> web.AppRunner:
    """Start serving; OSError when the address cannot be bound."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(is_alive())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(is_ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, *listen).start()
    return runner


def _answer(good: bool) -> web.Response:
    return web.Response(text="ok\n") if good else web.Response(text="not yet\n", status=503)
