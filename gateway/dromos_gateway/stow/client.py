# SPDX-License-Identifier: Apache-2.0
"""A STOW-RS destination: sends a batch, gives a verdict for each instance, tells whether the server is alive."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import httpx

from dromos_gateway.delivery.outcome import Outcome, TryAgain, read_unreadable
from dromos_gateway.dimse.requestor import StoredObject
from dromos_gateway.stow.multipart import MultipartBody, UnreadableFile
from dromos_gateway.stow.verdict import SOME_STORED, Unclear, read_answer
from dromos_gateway.web.authorization import Authorization
from dromos_gateway.web.client import WebClient
from dromos_gateway.web.errors import NoAnswer, TokenUnavailable, Unreachable, WebError
from dromos_gateway.web.exchange import Answer, exchange

_HOPS = 3
_PORTS = {"http": 80, "https": 443}  # where a URL names none
_UID = re.compile(r"[0-9.]+")  # what else follows /studies is a folder of the server's


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom."""

    url: str  # of the studies resource, as `studies_url` gives it
    headers: tuple[tuple[str, str], ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class Attempt:
    """An instance on its way; `number` counts its attempts, this one included."""

    stored: StoredObject
    number: int = 1


class StowClient:
    """One destination's pool of connections. `send` may run as often at a time as the pool is large."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: WebClient,
        authorization: Authorization,
        boundary: Callable[[], str],
        *,
        most_bytes: int = 256 * 1024 * 1024,
        most_instances: int = 50,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._authorization = authorization
        self._boundary = boundary
        self.most_bytes = most_bytes
        self.most_instances = most_instances
        self._ceiling = most_instances

    async def send(self, batch: Sequence[Attempt]) -> tuple[Outcome, ...]:
        """Send a batch, and again in halves where the answer is about the whole of it; the outcomes in its order.

        One instance that is larger than `most_bytes` is a batch of its own.
        """
        try:
            body = self._body(batch)
            answer = await self._post(batch, body)
        except UnreadableFile as error:
            return await self._without(batch, error)
        except TokenUnavailable as error:
            wait = error.retry_after
            return (TryAgain(str(error), blames_destination=False, retry_after=wait, attempted=False),) * len(batch)
        except NoAnswer as error:
            # something on the way may cut what is large: the next requests are smaller, until one is answered
            self.most_instances = max(1, len(batch) // 2)
            said = f"{error}; whether it was stored is unknown"
            return (TryAgain(said, suspects_instance=len(batch) == 1),) * len(batch)
        except WebError as error:
            return (TryAgain(str(error)),) * len(batch)
        verdicts = read_answer(answer, [attempt.stored.sop_instance_uid for attempt in batch])
        untold = answer.status in SOME_STORED and all(isinstance(verdict, Unclear) for verdict in verdicts)
        if answer.status == 500 or untold:  # one of them may be what the server dies of, or does not take
            self.most_instances = max(1, len(batch) // 2)
        else:
            self.most_instances = min(self._ceiling, self.most_instances * 2)
        if answer.status == 413 and len(batch) > 1:
            self.most_bytes = min(self.most_bytes, max(1, body.length // 2))  # for as long as the configuration stays
        return await self._clarify(batch, verdicts)

    async def probe(self) -> None:
        """OPTIONS; WebError when there is no answer, or one that says that the server itself is in trouble."""
        status = await self.options()
        if is_in_trouble(status):
            raise Unreachable(f"the server answers OPTIONS with {status}")

    async def options(self) -> int:
        """The status of the answer to OPTIONS. WebError."""
        headers = await self._headers()
        return (await exchange(self._client, "OPTIONS", self._endpoint.url, headers=headers, cap=64 * 1024)).status

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _clarify(self, batch: Sequence[Attempt], verdicts: Sequence[Outcome | Unclear]) -> tuple[Outcome, ...]:
        unclear = [n for n, verdict in enumerate(verdicts) if isinstance(verdict, Unclear)]
        outcomes = [verdict.alone if isinstance(verdict, Unclear) else verdict for verdict in verdicts]
        if unclear and len(batch) > 1:
            half = (len(unclear) + 1) // 2 if len(unclear) > 1 else 1
            for part in (unclear[:half], unclear[half:]):
                if part:
                    for n, outcome in zip(part, await self.send([batch[n] for n in part]), strict=True):
                        outcomes[n] = outcome
        return tuple(outcomes)

    async def _without(self, batch: Sequence[Attempt], error: UnreadableFile) -> tuple[Outcome, ...]:
        """Send a batch without the file that cannot be read."""
        rest = [attempt for attempt in batch if attempt.stored.path != error.path]
        sent = iter(await self.send(rest) if rest else ())
        return tuple(
            read_unreadable(str(error), attempt.number) if attempt.stored.path == error.path else next(sent)
            for attempt in batch
        )

    async def _post(self, batch: Sequence[Attempt], body: MultipartBody) -> Answer:
        """POST, once more with a fresh token where the old one is refused, and where the same server points to."""
        url = self._endpoint.url
        renewed = False
        hops = 0
        while True:
            headers = await self._headers()
            used = headers.get("Authorization")
            try:
                answer = await self._post_once(url, headers, body)
            except NoAnswer:
                if used is not None:
                    self._authorization.doubt(used)
                raise
            if answer.status in (401, 403) and used is not None and not renewed:
                renewed = True
                if not await self._authorization.renew(used):
                    return answer
            elif (target := same_server(url, answer)) is not None and hops < _HOPS:
                url, hops = target, hops + 1
            else:
                return answer
            body = self._body(batch)

    async def _post_once(self, url: str, headers: httpx.Headers, body: MultipartBody) -> Answer:
        own = {
            "Content-Type": body.content_type,
            "Content-Length": str(body.length),
            "Accept": "application/dicom+json",  # and nothing else: Orthanc reads no lists
        }
        every = httpx.Headers([*headers.multi_items(), *own.items()])
        return await exchange(self._client, "POST", url, headers=every, content=body)

    async def _headers(self) -> httpx.Headers:
        headers = httpx.Headers(list(self._endpoint.headers))  # a name may stand there twice
        value = await self._authorization.header()
        if value is not None:
            headers["Authorization"] = value
        return headers

    def _body(self, batch: Sequence[Attempt]) -> MultipartBody:
        stored = [attempt.stored for attempt in batch]
        sizes, patches = [each.size for each in stored], [each.patches for each in stored]
        return MultipartBody([each.path for each in stored], self._boundary(), sizes, patches)


def is_in_trouble(status: int) -> bool:
    """Whether an answer to OPTIONS says so. 501 does not: the server is there, it only has no such method."""
    return status >= 500 and status != 501


def studies_url(url: str) -> str:
    """The Store transaction's resource: …/studies, whatever the URL ends with (PS3.18 §10.5.1)."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    steps = path.split("/")
    of_one_study = steps[-2:-1] == ["studies"] and _UID.fullmatch(steps[-1]) is not None
    if steps[-1] != "studies" and not of_one_study:
        path += "/studies"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _server(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def same_server(url: str, answer: Answer) -> str | None:
    """Where a 307 or 308 of the same scheme, host and port leads: nobody else gets the images or the credentials."""
    location = answer.headers.get("location")
    if answer.status not in (307, 308) or not location:
        return None
    try:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        same = _server(old) == _server(new)
    except ValueError:
        return None
    return target if same and new.username is None and new.password is None else None
