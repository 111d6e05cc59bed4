# SPDX-License-Identifier: Apache-2.0
"""Sharing a series into an album of Kheops: introspection of both tokens, then the series (Karnak's way of it).

POST {url}/token/introspect (RFC 7662) tells whether a token is active and what it is good for; PUT
{url}/studies/{study}/series/{series} shares. Both may be repeated: what is shared already stays so.
"""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from dromos_gateway.web.client import WebClient
from dromos_gateway.web.errors import WebError, origin
from dromos_gateway.web.exchange import Answer, exchange
from dromos_gateway.web.retryafter import retry_after

_CAP = 64 * 1024
DESTINATION_SCOPES = frozenset(("write",))
SOURCE_SCOPES = frozenset(("read", "send"))


class ShareFailed(Exception):
    """The series is not in the album. The message names neither tokens nor UIDs.

    `retry_after`: in how many seconds Kheops wants to be asked again, where it says so.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


async def share(
    client: WebClient, url: str, *, destination_token: str, source_token: str, study: str, series: str
) -> None:
    """Share a series into the album that the destination token is for. ShareFailed."""
    try:
        await _introspect(client, url, destination_token, DESTINATION_SCOPES, "destinationToken")
        await _introspect(client, url, source_token, SOURCE_SCOPES, "sourceToken")
        answer = await exchange(
            client,
            "PUT",
            _below(url, f"studies/{quote(study, safe='')}/series/{quote(series, safe='')}"),
            headers={
                "Authorization": f"Bearer {destination_token}",
                "X-Authorization-Source": f"Bearer {source_token}",
            },
            cap=_CAP,
        )
    except WebError as error:
        raise ShareFailed(str(error)) from None
    if not 200 <= answer.status < 300:
        message = f"Kheops at {origin(url)} answered {answer.status} to the sharing of a series"
        raise ShareFailed(message, retry_after(answer.headers))


def _below(url: str, path: str) -> str:
    """A resource below the API's URL, whose query stays behind it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}", fragment=""))


async def _introspect(client: WebClient, url: str, token: str, scopes: frozenset[str], name: str) -> None:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    content = urlencode({"token": token}).encode()
    answer = await exchange(client, "POST", _below(url, "token/introspect"), headers=headers, content=content, cap=_CAP)
    where = f"Kheops at {origin(url)}"
    if answer.status != 200:
        message = f"{where} answered {answer.status} to the introspection of {name}"
        raise ShareFailed(message, retry_after(answer.headers))
    said = _read(answer)
    if said.get("active") is not True:
        raise ShareFailed(f"{where} says that {name} is not active")
    scope = said.get("scope")
    missing = scopes.difference(scope.split() if isinstance(scope, str) else ())
    if missing:
        raise ShareFailed(f"{where} says that {name} is not good for {' and '.join(sorted(missing))}")


def _read(answer: Answer) -> dict[str, object]:
    try:
        said = json.loads(answer.body) if answer.complete else None
    except (ValueError, RecursionError):
        said = None
    return said if isinstance(said, dict) else {}
