# SPDX-License-Identifier: Apache-2.0
"""One request and its answer, read up to a cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field

import httpx

from dromos_gateway.web.client import WebClient
from dromos_gateway.web.errors import NoAnswer, Unreachable, explain, origin

BODY_CAP = 1024 * 1024
SLOWEST = 16 * 1024  # bytes a second; a server that takes fewer holds us up on purpose


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer. `complete` is false when its body was lost, compressed, or larger than the cap."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in lower case
    body: bytes = field(repr=False, default=b"")
    complete: bool = True


async def exchange(
    client: WebClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | AsyncIterable[bytes] = b"",
    cap: int = BODY_CAP,
) -> Answer:
    """Send a request and read the answer, `cap` bytes of its body at most.

    A `content` that is streamed needs a Content-Length among the headers; else it goes out chunked. Unreachable,
    NoAnswer; whatever iterating `content` raises comes through.
    """
    try:
        response = await _send(client, method, url, headers, content)
    except TimeoutError:
        raise NoAnswer(f"{origin(url)}: no answer within the deadline") from None
    except httpx.TransportError as error:
        raise explain(error, url) from None
    except (httpx.InvalidURL, UnicodeError):
        raise Unreachable(f"{origin(url)}: the request cannot be made: a header or the URL is not valid") from None
    try:
        body, complete = await _body(response, cap, client.timeouts.body)
    finally:
        await response.aclose()
    known = {name.lower(): value for name, value in response.headers.items()}
    if known.get("content-encoding", "identity").lower() != "identity":
        body, complete = b"", False  # nobody asked for it, and a small one may grow a thousandfold
    return Answer(response.status_code, known, body, complete)


async def _send(
    client: WebClient, method: str, url: str, headers: Mapping[str, str], content: bytes | AsyncIterable[bytes]
) -> httpx.Response:
    """Until the answer's head is there; httpx's deadlines are for each piece, these are for the whole."""
    deadlines = client.timeouts
    loop = asyncio.get_running_loop()
    size = len(content) if isinstance(content, bytes) else int(headers.get("Content-Length", 2**40))
    start = deadlines.pool + deadlines.connect + deadlines.send + size / SLOWEST
    async with asyncio.timeout(start + deadlines.answer) as deadline:

        async def pieces() -> AsyncIterator[bytes]:
            if isinstance(content, bytes):
                yield content
            else:
                async for piece in content:
                    yield piece
            deadline.reschedule(loop.time() + deadlines.answer)

        own = {**headers, "Content-Length": str(size)} if isinstance(content, bytes) and content else headers
        request = client.http.build_request(method, url, headers=own, content=pieces() if content else None)
        return await client.http.send(request, stream=True)


async def _body(response: httpx.Response, cap: int, deadline: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(deadline):
            async for part in response.aiter_raw():
                size += len(part)
                if size > cap:
                    return b"", False
                parts.append(part)
    except (TimeoutError, httpx.TransportError, httpx.StreamError):
        return b"", False
    return b"".join(parts), True
