# SPDX-License-Identifier: Apache-2.0
"""Makes calls: with a deadline, a few tries, authorisation, and a memory of what was answered and of who is down.

No error here has more of a request than scheme, host and port: the rest of a URL may be a patient.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any

from dromos_crds.calls import Call
from dromos_crds.expressions import Element, Values
from dromos_crds.jsonpointer import NOTHING, resolve
from dromos_gateway.endpoints.cache import Cache
from dromos_gateway.endpoints.request import Request, Unspeakable, make_request
from dromos_gateway.endpoints.rests import Rests
from dromos_gateway.endpoints.settings import AuthConfigs
from dromos_gateway.web.authorization import Authorization, Fixed
from dromos_gateway.web.client import Timeouts, WebClient, open_client
from dromos_gateway.web.errors import TokenUnavailable, WebError, origin
from dromos_gateway.web.exchange import Answer, exchange
from dromos_gateway.web.oauth2 import ClientCredentials, OAuth2Tokens
from dromos_gateway.web.retryafter import retry_after

DEADLINE = 10.0  # seconds for a call, all tries together
_TRIES = 3
_PAUSE = 0.2  # seconds after the first try, doubling
_CAP = 1 << 20
_TIMEOUTS = Timeouts(connect=3.0, send=5.0, answer=5.0, body=5.0, pool=5.0)
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Found:
    """What the service answered, or the default."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """There is no value; `retry_after` in seconds, 0: at once."""

    message: str
    retry_after: float = 0.0


class _TryAgain(Exception):
    """The service may answer yet."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = after


class Endpoints:
    """The services of one project, for one process. Not for use inside a running event loop."""

    def __init__(
        self,
        auth_configs: Mapping[str, ClientCredentials],
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        deadline: float = DEADLINE,
        cache: Cache | None = None,
    ) -> None:
        """`clock` gives seconds and never steps back; what is in `auth_configs` is asked for only when needed.

        `cache`: what remembers answers, when it is not the usual one.
        """
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - it spreads tries in time, it hides nothing
        self._deadline = deadline
        self._cache = Cache(clock) if cache is None else cache  # an empty one is false
        self._rests = Rests(clock, self._random)
        self._runner: asyncio.Runner | None = None
        self._client: WebClient | None = None
        self._tokens: dict[str | None, Authorization] = {None: Fixed()}
        for name, credentials in auth_configs.items():
            self._tokens[name] = OAuth2Tokens(credentials, self._open_client, clock, self._random)

    def ask(self, call: Call, values: Values, element: Element | None = None) -> Found | Failure:
        """The value that the service has for an instance; the call's default in place of any failure."""
        found = self._ask(call, values, element)
        if isinstance(found, Failure) and call.default is not None:
            return Found(call.default)
        return found

    def close(self) -> None:
        """Close the connections."""
        if self._runner is not None:
            if self._client is not None:
                self._runner.run(self._client.close())
            self._runner.close()
        self._runner = self._client = None

    def _ask(self, call: Call, values: Values, element: Element | None) -> Found | Failure:
        authorization = self._tokens.get(call.auth_config)
        if authorization is None:
            return Failure(f"the project has no authConfig {call.auth_config}")
        try:
            request = make_request(call, values, element)
        except Unspeakable as error:
            return Failure(f"the call of a service cannot be made: {error}")
        key = (request.method, request.url, request.body, call.pointer, call.auth_config)
        cached = self._cache.get(key)
        if cached is not None:
            return Found(cached)
        place = (origin(request.url), call.auth_config)
        for asleep in (place, key):
            if (rest := self._rests.of(asleep)) is not None:
                return Failure(*rest)
        found = self._run(request, call, authorization, place, key)
        if isinstance(found, Found):
            self._cache.put(key, found.text)
        return found

    def _run(
        self, request: Request, call: Call, authorization: Authorization, place: Hashable, question: Hashable
    ) -> Found | Failure:
        """Ask. Where nobody answers, nobody is asked again for a while; what gets a bad answer says nothing of others.

        Else a call with a default would give it to patients whom the service knows.
        """
        if self._runner is None:
            self._runner = asyncio.Runner()
        where = origin(request.url)
        try:
            answer = self._runner.run(self._answer(request, authorization))
        except _TryAgain as error:
            self._rests.answered(place)
            return Failure(str(error), self._rests.failed(question, str(error), error.retry_after))
        except WebError as error:
            return Failure(str(error), self._rests.failed(place, str(error), _wait(error)))
        except TimeoutError:
            message = f"{where}: no answer within {self._deadline:g} s"
            return Failure(message, self._rests.failed(place, message, 0.0))
        self._rests.answered(place)
        self._rests.answered(question)
        return _read(answer, call.pointer, where)

    async def _answer(self, request: Request, authorization: Authorization) -> Answer:
        """An answer that is worth reading. _TryAgain, WebError, TimeoutError when there is none in time."""
        async with asyncio.timeout(self._deadline):
            for remaining in reversed(range(_TRIES)):
                try:
                    return await self._try(request, authorization)
                except TokenUnavailable:
                    raise
                except (_TryAgain, WebError) as error:
                    pause = _PAUSE * 2.0 ** (_TRIES - 1 - remaining) * self._random.uniform(0.5, 1.0)
                    pause = max(pause, _wait(error))
                    if not remaining or pause > self._deadline / 2:
                        raise
                    await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _try(self, request: Request, authorization: Authorization) -> Answer:
        value = await authorization.header()
        answer = await self._send(request, value)
        if answer.status == 401 and value is not None and await authorization.renew(value):
            answer = await self._send(request, await authorization.header())
        if answer.status in _AGAIN:
            raise _TryAgain(f"{origin(request.url)} answers {answer.status}", retry_after(answer.headers) or 0.0)
        return answer

    async def _send(self, request: Request, authorization: str | None) -> Answer:
        if self._client is None:
            self._client = self._open_client()
        headers = {"Accept": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        content = b""
        if request.body is not None:
            headers["Content-Type"] = "application/json"
            content = request.body.encode()
        return await exchange(self._client, request.method, request.url, headers=headers, content=content, cap=_CAP)

    def _open_client(self) -> WebClient:
        return open_client(timeouts=_TIMEOUTS, keepalive=30.0)


@lru_cache(maxsize=32)
def endpoints_of(project: str, auth_configs: AuthConfigs) -> Endpoints:
    """The services of a project (namespace/name): connections, tokens and answers are kept as long as the process."""
    return Endpoints(
        {
            name: ClientCredentials(known.token_url, known.client_id, known.client_secret, known.scopes)
            for name, known in auth_configs
        }
    )


def _wait(error: _TryAgain | WebError) -> float:
    return error.retry_after if isinstance(error, _TryAgain | TokenUnavailable) else 0.0


def _read(answer: Answer, pointer: tuple[str, ...], where: str) -> Found | Failure:
    if not 200 <= answer.status < 300:
        followed = "; redirects are not followed" if 300 <= answer.status < 400 else ""
        return Failure(f"{where} answers {answer.status}{followed}")
    if not answer.complete:
        return Failure(f"{where}: the answer is cut off, compressed or larger than 1 MiB")
    try:
        # a number keeps the digits that it was written with
        document: Any = json.loads(answer.body, parse_float=str, parse_int=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Failure(f"{where}: the answer is not JSON")
    value = resolve(document, pointer)
    if value is NOTHING or value is None:
        return Failure(f"{where}: the answer has no value at responsePath")
    if value == "":
        return Failure(f"{where}: the answer has an empty value at responsePath")
    if not isinstance(value, str):
        return Failure(f"{where}: what the answer has at responsePath is neither text nor a number")
    return Found(value)


def _no_constant(name: str) -> None:
    raise ValueError(name)
