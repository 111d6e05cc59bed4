# SPDX-License-Identifier: Apache-2.0
"""OAuth 2.0 client credentials (RFC 6749 §4.4), authenticated by client_secret_basic (§2.3.1).

However many senders wait, one request is under way. What goes wrong there is waited for at a pace of its own: the
server that the token is for has done nothing wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote_plus, urlencode

from dromos_gateway.web.authorization import InvalidCredential, basic_value, bearer_value
from dromos_gateway.web.client import WebClient
from dromos_gateway.web.errors import TokenUnavailable, WebError, origin
from dromos_gateway.web.exchange import Answer, exchange
from dromos_gateway.web.retryafter import retry_after

_CAP = 64 * 1024
_MARGIN = 30.0  # seconds before its end that a token is not used any more, at most half of its life
_UNSAID = 300.0  # seconds that a token of unknown life is used
_LONGEST_LIFE = 86400.0
_DOUBTS = 60.0  # seconds between two tokens that are doubted only because a connection was lost
_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # after an outage, all destinations of this endpoint are back that soon
_LONGEST_TOLD = 60.0  # and Retry-After is believed no longer: everything for the destination waits for this one request
# RFC 6749 §5.2: only these words of the server's are repeated
_ERRORS = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )
)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Who asks, where, and for what."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()


class OAuth2Tokens:
    """Access tokens for one client, cached until shortly before they end. An `Authorization`."""

    def __init__(
        self,
        credentials: ClientCredentials,
        open_client: Callable[[], WebClient],
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        """`clock` gives seconds and never steps back."""
        self._credentials = credentials
        self._open_client = open_client
        self._clock = clock
        self._random = random
        self._turn = asyncio.Lock()
        self._value: str | None = None
        self._until = self._end = 0.0  # when another one is wanted, when this one is good no more
        self._doubted = -_DOUBTS
        self._failures = 0
        self._not_before = 0.0
        self._message = ""

    async def header(self) -> str:
        """A token that is good for a while. TokenUnavailable."""
        if self._value is not None and self._clock() < self._until:
            return self._value
        async with self._turn:  # whoever waited here finds what the first one got, or why there is none
            if self._value is None or self._clock() >= self._until:
                try:
                    await self._fetch()
                except TokenUnavailable:
                    if self._value is None or self._clock() >= self._end:
                        raise  # what is only doubted, or about to end, is better than none
            return self._value or ""

    async def renew(self, refused: str) -> bool:
        """Get another token instead of the refused one; those who come later find it. TokenUnavailable."""
        async with self._turn:
            if self._value == refused:
                self._value = None
                await self._fetch()
            return self._value is not None and self._value != refused

    def doubt(self, used: str) -> None:
        """Get another token next time. A server that refuses this one and closes before it has read a large body resets
        the connection, and its answer is lost with it. Not more often than once a minute: mostly it is the network."""
        now = self._clock()
        if self._value == used and now - self._doubted >= _DOUBTS:
            self._doubted, self._until = now, now

    async def _fetch(self) -> None:
        now = self._clock()
        if now < self._not_before:
            raise TokenUnavailable(self._message, self._not_before - now)
        try:
            token, life = _read(await self._ask(), self._credentials.token_url)
            self._value = bearer_value(token)
        except InvalidCredential:
            self._failed(f"token endpoint {origin(self._credentials.token_url)}: its token cannot be sent")
        except WebError as error:
            wait = error.retry_after if isinstance(error, TokenUnavailable) else 0.0
            self._failed(f"no access token: {error}", min(wait, _LONGEST_TOLD))
        else:
            self._failures = 0
            self._end = self._clock() + life
            self._until = self._end - min(_MARGIN, life / 2)

    def _failed(self, message: str, at_least: float = 0.0) -> None:
        self._failures += 1
        pause = min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(self._failures - 1, 10))
        pause = max(at_least, self._random.uniform(pause / 2, pause))
        self._not_before, self._message = self._clock() + pause, message
        raise TokenUnavailable(message, pause) from None

    async def _ask(self) -> Answer:
        known = self._credentials
        form = {"grant_type": "client_credentials"}
        if known.scopes:
            form["scope"] = " ".join(known.scopes)
        headers = {
            # §2.3.1: both are form-urlencoded before Basic encodes them
            "Authorization": basic_value(quote_plus(known.client_id), quote_plus(known.client_secret)),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        async with self._open_client() as client:
            return await exchange(
                client,
                "POST",
                known.token_url,
                headers=headers,
                content=urlencode(form).encode(),
                cap=_CAP,
            )


def _read(answer: Answer, url: str) -> tuple[str, float]:
    """Token and its life in seconds (RFC 6749 §5.1)."""
    where = f"token endpoint {origin(url)}"
    try:
        said = json.loads(answer.body) if answer.complete else None
    except (ValueError, RecursionError):
        said = None
    if answer.status not in (200, 201):  # §5.1 has 200; some create a token and say so
        error = said.get("error") if isinstance(said, dict) else None
        known = f" {error}" if isinstance(error, str) and error in _ERRORS else ""
        raise TokenUnavailable(f"{where} answered {answer.status}{known}", retry_after(answer.headers) or 0.0)
    if not isinstance(said, dict) or not isinstance(token := said.get("access_token"), str):
        raise TokenUnavailable(f"{where} answered without an access token", 0.0)
    if str(said.get("token_type") or "bearer").lower() != "bearer":  # §5.1 wants it named, not all do
        raise TokenUnavailable(f"{where} answered with a token that is no bearer token", 0.0)
    return token, _life(said.get("expires_in"))


def _life(said: object) -> float:
    """Seconds; some servers write them as text."""
    try:
        life = float(said) if isinstance(said, int | float | str) and not isinstance(said, bool) else _UNSAID
    except (ValueError, OverflowError):
        life = _UNSAID
    return min(life, _LONGEST_LIFE) if life >= 0.0 else _UNSAID
