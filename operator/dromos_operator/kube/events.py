# SPDX-License-Identifier: Apache-2.0
"""Events, for transitions only: one when `Ready` of an object becomes something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dromos_operator.kinds import Object
from dromos_operator.kube.client import FIELD_MANAGER

LONGEST_NOTE = 1000  # the API server refuses more than 1024


def transition(wanted: Object, live: Object, now: str, token: str) -> Object | None:
    """The Event for the change from one status to the next, or None; `token` makes its name unique."""
    before, after = _ready(live.get("status") or {}), _ready(wanted["status"])
    if after is None or (before is not None and _same(before, after)):
        return None
    metadata = live["metadata"]
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
        "type": "Normal" if after["status"] == "True" else "Warning",
        "reason": after["reason"],
        "message": after["message"][:LONGEST_NOTE],
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
