# SPDX-License-Identifier: Apache-2.0
"""Events, for transitions only: `Ready` becomes something else, a Destination stops or begins to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dromos_operator.kinds import Object
from dromos_operator.kube.client import FIELD_MANAGER

LONGEST_NOTE = 1000  # the API server refuses more than 1024


def transitions(wanted: Object, live: Object, now: str, token: Callable[[], str]) -> list[Object]:
    """The Events for the change from one status to the next; `token` makes their names unique."""
    before, after = live.get("status") or {}, wanted["status"]
    said: list[tuple[bool, str, str]] = []
    was, ready = _ready(before), _ready(after)
    if ready is not None and (was is None or not _same(was, ready)):
        said.append((ready["status"] == "True", ready["reason"], ready["message"]))
    reachable = after.get("reachable")
    if reachable is not None and reachable != before.get("reachable", True):
        message = "it answers again" if reachable else after.get("lastError") or "it does not answer"
        said.append((reachable, "Reachable" if reachable else "Unreachable", message))
    return [_event(wanted, live["metadata"], now, token(), *each) for each in said]


def _event(
    wanted: Object, metadata: Mapping[str, Any], now: str, token: str, good: bool, reason: str, message: str
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name'][:200]}.{token}", "namespace": metadata["namespace"]},
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


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(before.get("status") == after["status"] and before.get("reason") == after["reason"])
