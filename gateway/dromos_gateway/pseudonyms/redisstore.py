# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms in Redis or Valkey, shared by all pods. `redisscripts` describes the keys."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_crds.pseudonyms.table import MOST_PROBLEMS, LineProblem, Row, TableRefused
from dromos_gateway.pseudonyms.redisscripts import DELETE, IMPORT
from dromos_gateway.pseudonyms.store import StoreUnavailable

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

_TIMEOUT = 3.0  # seconds for each answer to a look-up
_IMPORT_TIMEOUT = 120.0  # applying a million rows takes Redis some ten seconds
_STAGED_FOR = 3600
_CHUNK = 1000
CONFLICTS = {
    "patient": "this patient has another pseudonym already; delete that one first if it shall change",
    "pseudonym": "another patient has this pseudonym already",
}


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """How to reach it. `url` has no user information; `ttl` in seconds, 0 for ever."""

    url: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    ttl: int = 0

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or 6379}"


@dataclass(frozen=True, slots=True)
class Imported:
    """How many entries an import added, and how many were there already, just so."""

    added: int
    unchanged: int


class RedisStore:
    """One project's pseudonyms. Connects when first asked, so that it may be made before a fork."""

    def __init__(self, settings: RedisSettings, project: str) -> None:
        self._settings = settings
        self._project = project
        self._prefix = f"dromos:{{{project}}}:"
        self._clients: dict[float, Redis] = {}

    def find(self, patient: Patient) -> str | None:
        """The pseudonym of exactly this patient. StoreUnavailable."""
        key = self._forward(patient.key(self._project))
        return cast("str | None", self._ask(lambda redis: redis.get(key)))

    def of_patient_id(self, patient_id: str) -> tuple[Entry, ...]:
        """All entries of a Patient ID. StoreUnavailable."""
        issuers = self._prefix + "issuers:" + self._pair(patient_id)
        known = sorted(cast("set[str]", self._ask(lambda redis: redis.smembers(issuers))))
        return tuple(self._look_up([Patient(patient_id, issuer).key(self._project) for issuer in known]))

    def of_pseudonym(self, pseudonym: str) -> Entry | None:
        """The reverse look-up. StoreUnavailable."""
        reverse = self._prefix + "patient:" + self._pair(pseudonym)
        key = cast("str | None", self._ask(lambda redis: redis.get(reverse)))
        return None if key is None else Entry(Patient.from_key(key), pseudonym)

    def entries(self) -> Iterator[Entry]:
        """All entries, in no order, page by page: Redis serves others in between. StoreUnavailable."""
        cursor, seen = 0, set[str]()
        while True:
            cursor, found = self._scan(cursor)
            keys = [key for key, _ in found if key not in seen]  # a scan may show one twice
            seen.update(keys)
            yield from self._look_up(keys)
            if cursor == 0:
                return

    def revision(self) -> str:
        """Counts the changes. StoreUnavailable."""
        return str(self._ask(lambda redis: redis.get(self._prefix + "revision")) or 0)

    def add(self, rows: Sequence[Row], progress: Callable[[int], None] = lambda _: None) -> Imported:
        """Import all rows, or none; `progress` hears how many have been handed over. TableRefused, StoreUnavailable."""
        staged = f"{self._prefix}import:{secrets.token_hex(8)}"
        for start in range(0, len(rows), _CHUNK):
            self._stage(staged, rows[start : start + _CHUNK])
            progress(min(start + _CHUNK, len(rows)))
        keys = (staged, self._prefix + "entries", self._prefix + "revision")
        arguments = (self._prefix, self._settings.ttl, MOST_PROBLEMS)
        answer = self._ask(lambda redis: redis.eval(IMPORT, len(keys), *keys, *arguments), timeout=_IMPORT_TIMEOUT)
        verdict, count, rest = cast("tuple[str, int, Any]", answer)
        if verdict == "refused":
            conflicts = [text.split() for text in rest]
            problems = [LineProblem(int(line), CONFLICTS[what]) for line, what in conflicts]
            raise TableRefused(problems, int(count) - len(problems))
        done = Imported(int(count), int(rest))
        if done.added + done.unchanged != len(rows):  # the answer to a first try was lost, or the rows timed out
            raise StoreUnavailable(f"Redis at {self._settings.place}: it is unknown what was imported; import again")
        return done

    def remove(self, entries: Iterable[Entry]) -> int:
        """Delete these; how many there were. StoreUnavailable."""
        removed, iterator = 0, iter(entries)
        while chunk := list(itertools.islice(iterator, _CHUNK)):
            removed += self._remove([word for entry in chunk for word in self._addresses(entry)])
        return removed

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _scan(self, cursor: int) -> tuple[int, list[tuple[str, float]]]:
        page = self._ask(lambda redis: redis.zscan(self._prefix + "entries", cursor, count=_CHUNK))
        return cast("tuple[int, list[tuple[str, float]]]", page)

    def _remove(self, words: Sequence[str]) -> int:
        keys = (self._prefix + "entries", self._prefix + "revision")
        answer = self._ask(lambda redis: redis.eval(DELETE, len(keys), *keys, self._prefix, *words))
        return cast("int", answer)

    def _stage(self, staged: str, rows: Sequence[Row]) -> None:
        texts = []
        for row in rows:
            key, reverse, issuers, issuer = self._addresses(row.entry)
            texts.append(json.dumps([row.first_line, key, row.entry.pseudonym, reverse, issuers, issuer]))

        def push(redis: Redis) -> None:
            with redis.pipeline(transaction=False) as pipeline:
                pipeline.rpush(staged, *texts)
                pipeline.expire(staged, _STAGED_FOR)
                pipeline.execute()

        self._ask(push, timeout=_IMPORT_TIMEOUT)

    def _look_up(self, keys: Sequence[str]) -> Iterator[Entry]:
        if not keys:
            return
        found = self._ask(lambda redis: redis.mget([self._forward(key) for key in keys]))
        for key, pseudonym in zip(keys, cast("list[str | None]", found), strict=True):
            if pseudonym is not None:  # it may have expired
                yield Entry(Patient.from_key(key), pseudonym)

    def _addresses(self, entry: Entry) -> tuple[str, str, str, str]:
        patient = entry.patient
        key = patient.key(self._project)
        return key, self._pair(entry.pseudonym), self._pair(patient.patient_id), patient.issuer

    def _forward(self, key: str) -> str:
        return f"{self._prefix}pseudonym:{key}"

    def _pair(self, text: str) -> str:
        return json.dumps([self._project, text], separators=(",", ":"))

    def _ask(self, question: Callable[[Redis], T], *, timeout: float = _TIMEOUT) -> T:
        from redis.exceptions import RedisError

        try:
            return question(self._client(timeout))
        except (RedisError, OSError, ValueError) as error:
            raise StoreUnavailable(f"Redis at {self._settings.place}: {_reason(error)}") from None

    def _client(self, timeout: float) -> Redis:
        client = self._clients.get(timeout)
        if client is None:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            wanted = self._settings
            client = Redis.from_url(
                wanted.url,
                username=wanted.username,
                password=wanted.password,
                decode_responses=True,
                socket_timeout=timeout,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(
                    NoBackoff(), 1
                ),  # a connection that the server closed while idle; the caller retries the rest
            )
            self._clients[timeout] = client
        return client


def _reason(error: Exception) -> str:
    """What went wrong, in words that cannot hold a key or a password: Redis quotes commands in its errors."""
    from redis import exceptions

    if isinstance(error, exceptions.AuthenticationError):
        return "refuses the user name or password"
    if isinstance(error, exceptions.TimeoutError):
        return "does not answer in time"
    if isinstance(error, exceptions.ConnectionError | OSError):
        return "cannot be reached"
    if isinstance(error, exceptions.OutOfMemoryError):
        return "is out of memory"
    if isinstance(error, exceptions.ReadOnlyError):
        return "is read-only: this is a replica"
    code = str(error).partition(" ")[0]
    known = isinstance(error, exceptions.ResponseError) and code.isascii() and code.isupper()
    return f"answers {code}" if known else f"refuses the command ({type(error).__name__})"
