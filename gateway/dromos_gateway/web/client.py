# SPDX-License-Identifier: Apache-2.0
"""HTTP clients: one for each server, with deadlines on every phase and nothing that grows without a bound.

HTTP/1.1 unless asked otherwise: nginx ends an HTTP/2 connection after 1,000 requests, and what was in flight is lost.
Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY). Redirects are never followed here:
only who knows what a request means can say whether it may be sent again, and to whom.
"""

from __future__ import annotations

import logging
import ssl
import sys
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from importlib.util import find_spec
from types import TracebackType
from typing import Self

import httpx

from dromos_gateway.dimse.tls import client_context
from dromos_gateway.web.errors import Unreachable

# httpcore asks for it several times a request; where there is none, Python looks through its whole path each time
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# They write whole URLs and, when debugging, headers: identifiers of studies, and credentials.
for _name in ("httpx", "httpcore", "hpack"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds."""

    connect: float = 10.0  # name, TCP, TLS, and a proxy's answer
    send: float = 60.0  # the server takes no byte for so long
    answer: float = 120.0  # from the last byte sent until the whole of the answer's head
    body: float = 60.0  # the whole of the answer's body
    pool: float = 60.0  # for a free connection


@dataclass(frozen=True, slots=True)
class WebClient:
    """A pool of connections and the deadlines of what goes over them; `exchange` uses it."""

    http: httpx.AsyncClient
    timeouts: Timeouts

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()


class NamedContext(ssl.SSLContext):
    """A client's TLS context that asks for one server name, whatever host it is used with."""

    server_name: str = ""

    def wrap_bio(  # type: ignore[no-untyped-def]
        self, incoming, outgoing, server_side=False, server_hostname=None, session=None
    ) -> ssl.SSLObject:
        name = self.server_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session)


def tls_context(
    *, ca: bytes | None = None, certificate: bytes | None = None, key: bytes | None = None, server_name: str = ""
) -> ssl.SSLContext:
    """Make the TLS context of a client, PEM as in `dimse.tls.client_context`. InvalidTlsMaterial."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = server_name
    return client_context(ca=ca, certificate=certificate, key=key, into=context)


def open_client(
    *,
    context: ssl.SSLContext | None = None,
    connections: int = 2,
    timeouts: Timeouts | None = None,
    http2: bool = False,
    keepalive: float = 2.0,
) -> WebClient:
    """Make a client with a pool of `connections`, each kept for `keepalive` seconds without work.

    Unreachable when the environment names a proxy that cannot be used.
    """
    deadlines = timeouts or Timeouts()
    try:
        client = httpx.AsyncClient(
            verify=context if context is not None else tls_context(),
            http2=http2,
            follow_redirects=False,
            trust_env=True,
            headers={"User-Agent": "dromos", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(
                connect=deadlines.connect, read=deadlines.answer, write=deadlines.send, pool=deadlines.pool
            ),
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=keepalive
            ),
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        text = "the environment names a proxy that cannot be used; HTTP_PROXY and HTTPS_PROXY are http://HOST:PORT"
        raise Unreachable(text) from None
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # none is kept, none is sent
    return WebClient(client, deadlines)
