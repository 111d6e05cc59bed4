# SPDX-License-Identifier: Apache-2.0
"""Events, for transitions only: `Ready` becomes something else, a Destination stops or begins to answer, dead letters
come and go.

What is said again is not another Event: its name is made of what it says, and it counts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from dromos_operator.errors import ApiError, ObjectNotFound
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.kube.client import FIELD_MANAGER, Client

LONGEST_NOTE = 1000  # the API server refuses more than 1024
_REMEMBERED = 4096  # Events whose count is known without asking
_CONFLICT = 409
_DEAD_LETTERS = "images that cannot be forwarded are kept; `kubectl dromos failures list` says which and why"


class Events:
    """Tells the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: OrderedDict[Key, int] = OrderedDict()

    async def tell(self, event: Object) -> None:
        """Create an Event, or count it once more. ApiError."""
        key, last = key_of(event), {"lastTimestamp": event["lastTimestamp"]}
        told = self._told.pop(key, 0)
        try:
            if told:
                await self._client.merge(key, {**last, "count": told + 1})
                return self._remember(key, told + 1)
        except ObjectNotFound:  # an hour has passed
            pass
        try:
            await self._client.create(event)
            self._remember(key, 1)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            # it was told in an earlier life of this process, which may patch Events and not read them
            told = int((await self._client.merge(key, last)).get("count") or 1)
            await self._client.merge(key, {"count": told + 1})
            self._remember(key, told + 1)

    def _remember(self, key: Key, count: int) -> None:
        self._told[key] = count
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


def transitions(wanted: Object, live: Object, now: str) -> list[Object]:
    """The Events for the change from one status to the next."""
    before, after = live.get("status") or {}, wanted["status"]
    said: list[tuple[bool, str, str]] = []
    was, ready = _ready(before), _ready(after)
    if ready is not None and (was is None or not _same(was, ready)):
        said.append((ready["status"] == "True", ready["reason"], ready["message"]))
    reachable = after.get("reachable")
    if reachable is not None and reachable != before.get("reachable", True):
        message = "it answers again" if reachable else after.get("lastError") or "it does not answer"
        said.append((reachable, "Reachable" if reachable else "Unreachable", message))
    failed = _failed(after)
    if failed != _failed(before):
        said.append(
            (not failed, "DeadLetters" if failed else "NoDeadLetters", _DEAD_LETTERS if failed else "none is left")
        )
    return [_event(wanted, live["metadata"], now, *each) for each in said]


def _event(wanted: Object, metadata: Mapping[str, Any], now: str, good: bool, reason: str, message: str) -> Object:
    digest = sha256("\0".join((metadata["uid"], str(good), reason, message)).encode()).hexdigest()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:200]}.{digest[:16]}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": wanted["apiVersion"],
            "kind": wanted["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": "Normal" if good else "Warning",
        "reason": reason,
        "message": message[:LONGEST_NOTE],
        "action": "Reconcile",
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((found for found in status.get("conditions") or () if found["type"] == "Ready"), None)


def _failed(status: Mapping[str, Any]) -> bool:
    return bool((status.get("queue") or {}).get("failed"))


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(before.get("status") == after["status"] and before.get("reason") == after["reason"])
