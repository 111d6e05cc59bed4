# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between us and an HTTP server.

Messages name scheme, host and port, never a path, a query, a header or what a body said: those may carry identifiers
of patients, or credentials, and messages end up in logs and conditions.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from dromos_gateway.web.proxies import proxy_of


class WebError(Exception):
    """The exchange did not come to an answer; the base of everything this package raises."""


class Unreachable(WebError):
    """No connection: no such host, refused, a certificate that is not good, a proxy that says no. Nothing was sent."""


class NoAnswer(WebError):
    """The connection was lost, or a deadline passed, after something was sent: what the server did is unknown."""


class TokenUnavailable(WebError):
    """The token endpoint gave no access token. `retry_after`: seconds before it is asked again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def origin(url: str) -> str:
    """Scheme, host and port of a URL: all of it that may be shown."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")


def explain(error: httpx.TransportError, url: str) -> WebError:
    """Say what an error of httpx means, in our own words."""
    where = origin(url)
    if (tls := _tls(error)) is not None:
        return Unreachable(f"{where}: {tls}")
    match error:
        case httpx.ProxyError():
            return Unreachable(f"{where}: the proxy {proxy_of(url) or ''} refused the connection{_status(error)}")
        case httpx.ConnectTimeout() | httpx.ConnectError():
            proxy = proxy_of(url)
            through = f"not reached through the proxy {proxy}: " if proxy is not None else ""
            slow = isinstance(error, httpx.ConnectTimeout)
            said = "no connection within the deadline" if slow else _system(error) or "no connection"
            return Unreachable(f"{where}: {through}{said}")
        case httpx.PoolTimeout():
            return Unreachable(f"{where}: no free connection within the deadline")
        case httpx.WriteTimeout():
            return NoAnswer(f"{where}: the server took no data within the deadline")
        case httpx.ReadTimeout():
            return NoAnswer(f"{where}: no answer within the deadline")
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError():
            return NoAnswer(f"{where}: the connection was lost")
        case httpx.RemoteProtocolError():
            return NoAnswer(f"{where}: closed the connection without an answer, or answered what is not HTTP")
        case _:
            return NoAnswer(f"{where}: the request failed ({type(error).__name__})")


def _status(error: httpx.ProxyError) -> str:
    """The status that a proxy answered with; its own words may be anything."""
    status = str(error)[:3]
    return f" with {status}" if status.isascii() and status.isdigit() else ""


def _tls(error: BaseException) -> str | None:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            reason = (cause.reason or "TLS handshake failed").replace("_", " ").lower()
            return f"TLS: {reason}"
    return None


def _system(error: BaseException) -> str | None:
    """The system's words for a connection that could not be made: they name neither path nor content."""
    known = [cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror]
    return known[-1].strerror if known else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending.extend(item for item in (cause.__cause__, cause.__context__) if item is not None)
        if isinstance(cause, BaseExceptionGroup):
            pending.extend(cause.exceptions)
