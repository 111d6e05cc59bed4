# SPDX-License-Identifier: Apache-2.0
"""What `kubectl dromos status` shows: each ForwardNode, below it its Destinations, and what keeps them from working."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dromos_gateway.commands import overviewtable
from dromos_gateway.commands.overviewtable import age, size

Object = Mapping[str, Any]


def lines(
    nodes: Sequence[Object], destinations: Sequence[Object], now: datetime, columns: int | None = None
) -> list[str]:
    """The overview, ForwardNodes in order of their names; last the Destinations that have none.

    Where the terminal has fewer `columns` than a line needs, what is wrong goes below it, and whom it is about.
    """
    known = {_place(node) for node in nodes}
    result: list[str] = []
    for node in sorted(nodes, key=_place):
        rows = [_row(each, now) for each in _attached(destinations, _place(node))]
        result += [*_node(node), *_table(rows, columns), ""]
    lost = [each for each in destinations if _parent(each) not in known]
    if lost:
        rows = [_row(each, now) for each in sorted(lost, key=_place)]
        result += ["without a ForwardNode", *_table(rows, columns), ""]
    return result[:-1] or ["nothing of Dromos is here"]


def is_well(objects: Iterable[Object]) -> bool:
    """Whether all of them are Ready."""
    return all(_ready(obj).get("status") == "True" for obj in objects)


def _node(node: Object) -> list[str]:
    namespace, name = _place(node)
    status = node.get("status") or {}
    spool = status.get("spool") or {}
    pods = f"{status.get('readyReplicas', 0)} of {node['spec'].get('replicas', 1)} pods ready"
    used, limit = size(spool.get("usedBytes", 0)), size(spool.get("limitBytes", 0))
    kept = f"{spool.get('instances', 0)} instances, {used} of {limit}"
    ready = _ready(node)
    head = f"{namespace}/{name}  {node['spec'].get('aeTitle', '')}  {pods}  {kept}"
    return [head] if ready.get("status") == "True" else [head, f"  {_why(ready)}"]


def _row(destination: Object, now: datetime) -> tuple[str, ...]:
    status = destination.get("status") or {}
    queue = status.get("queue") or {}
    ready = _ready(destination)
    reachable = "?" if "reachable" not in status else "yes" if status["reachable"] else "no"
    note = "" if ready.get("status") == "True" else _why(ready)
    if not note and status.get("reachable") is False:
        note = status.get("lastError", "")
    return (
        destination["metadata"]["name"],
        status.get("target", ""),
        ready.get("status", "Unknown"),
        reachable,
        str(queue.get("waiting", 0)),
        str(queue.get("failed", 0)),
        age(status.get("lastTransferTime"), now),
        note,
    )


_HEAD = ("DESTINATION", "TARGET", "READY", "REACHABLE", "WAITING", "FAILED", "LAST TRANSFER", "")


def _table(rows: Sequence[tuple[str, ...]], columns: int | None) -> list[str]:
    return overviewtable.lines(_HEAD, rows, columns, dispensable=1) if rows else ["  no Destination"]


def _attached(destinations: Sequence[Object], node: tuple[str, str]) -> list[Object]:
    return sorted((each for each in destinations if _parent(each) == node), key=_place)


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _parent(destination: Object) -> tuple[str, str]:
    return destination["metadata"]["namespace"], destination["spec"]["forwardNodeRef"]["name"]


def _ready(obj: Object) -> Mapping[str, Any]:
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((condition for condition in found if condition["type"] == "Ready"), {})


def _why(condition: Mapping[str, Any]) -> str:
    return f"{condition.get('reason', 'Pending')}: {condition.get('message', 'the operator has not looked at it yet')}"
