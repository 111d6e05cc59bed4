# SPDX-License-Identifier: Apache-2.0
"""The one writer: server-side apply of objects and statuses, and nothing when there is nothing to change.

After an apply it remembers what was wanted and what the API server made of it. As long as both are the same, nothing is
sent; so values that the server writes differently (``1000m`` and ``1``) do not make it write for ever. After a
restart each object is applied once, which changes no resource version unless there was something to change.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from dromos_operator.errors import ApiError, NamespaceGoing
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.kube.client import Client
from dromos_operator.plan.status import COUNTERS

log = logging.getLogger(__name__)

COUNTER_INTERVAL = 30.0
# what the API server or another controller changes all the time
_VOLATILE = frozenset({"resourceVersion", "generation", "managedFields", "creationTimestamp", "selfLink"})
_USERS_FAULT = frozenset({400, 403, 413, 422})
# how the API server says that a field is undeclared, a list key there twice, an amount none
_UNTYPED = ("failed to create typed patch object", "failed to convert new object")


class Writer:
    """Writes what differs."""

    def __init__(self, client: Client, remember: Callable[[Object], object], clock: Callable[[], float]) -> None:
        self._client = client
        self._remember = remember
        self._clock = clock
        self._settled: dict[Key, tuple[str, str]] = {}
        self._counted: dict[Key, float] = {}
        self._refusals: dict[Key, str] = {}

    async def apply(self, wanted: Object, live: Object | None) -> tuple[Object | None, str]:
        """Make an object so; returns it, or the reason for which the API server refuses it."""
        key = key_of(wanted)
        digest = _digest(wanted)
        if live is not None and self._settled.get(key) == (digest, _digest(_stable(live))):
            return live, ""
        try:
            result = await self._client.apply(wanted)
        except NamespaceGoing:
            raise
        except ApiError as error:
            if _is_refusal(error):
                return live, f"{key.kind} {key.name!r}: {error}"
            raise
        self._settled[key] = (digest, _digest(_stable(result)))
        if live is None or live["metadata"].get("resourceVersion") != result["metadata"].get("resourceVersion"):
            log.info("applied", extra={"kind": key.kind, "namespace": key.namespace, "object": key.name})
        self._remember({**result, "kind": key.kind})
        return result, ""

    async def grow(self, claim: Key, patch: Mapping[str, Any]) -> str:
        """Make a claim larger; returns the reason for which the API server refuses it."""
        digest = (_digest(patch), "")
        if self._settled.get(claim) == digest:  # refused before, or asked for and not yet seen
            return self._refusals.get(claim, "")
        self._refusals.pop(claim, None)
        try:
            self._remember({**await self._client.merge(claim, patch), "kind": claim.kind})
        except ApiError as error:
            if not _is_refusal(error):
                raise
            self._refusals[claim] = f"{claim.kind} {claim.name!r}: {error}"
        self._settled[claim] = digest
        return self._refusals.get(claim, "")

    async def apply_status(self, wanted: Object, live: Object) -> tuple[bool, float | None]:
        """Write a status if it differs; returns whether, and the seconds after which newer counters may be."""
        key = key_of(wanted)
        status, postponed = self._without_hurry(key, wanted["status"], live.get("status") or {})
        if status == (live.get("status") or {}):
            return False, postponed
        document = {**wanted, "status": status}
        digest = _digest(document)
        if self._settled.get(key) == (digest, _digest(live.get("status") or {})):
            return False, postponed
        result = await self._client.apply_status(document)
        self._settled[key] = (digest, _digest(result.get("status") or {}))
        if _counters(status) != _counters(live.get("status") or {}):
            self._counted[key] = self._clock()
        self._remember({**result, "kind": key.kind})
        return True, postponed

    def forget(self, key: Key) -> None:
        """An object is gone."""
        self._settled.pop(key, None)
        self._counted.pop(key, None)
        self._refusals.pop(key, None)

    def _without_hurry(
        self, key: Key, wanted: Mapping[str, Any], live: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], float | None]:
        if _counters(wanted) == _counters(live):
            return wanted, None
        wait = self._counted.get(key, -COUNTER_INTERVAL) + COUNTER_INTERVAL - self._clock()
        if wait <= 0:
            return wanted, None
        rest = {name: value for name, value in wanted.items() if name not in COUNTERS}
        return {**rest, **_counters(live)}, wait


def _is_refusal(error: ApiError) -> bool:
    """Whether trying again helps nobody; what does not fit a type the API server calls an error of its own (500)."""
    return error.status in _USERS_FAULT or (error.status == 500 and str(error).startswith(_UNTYPED))


def _counters(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: status[name] for name in COUNTERS if name in status}


def _stable(obj: Object) -> dict[str, Any]:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _VOLATILE}
    rest = {name: value for name, value in obj.items() if name not in {"metadata", "status", "kind", "apiVersion"}}
    return {**rest, "metadata": metadata}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
