# SPDX-License-Identifier: Apache-2.0
"""kopf as a watch engine: every event goes into the store and marks work, nothing else happens here.

Only `on.event` is used: kopf's other handlers write annotations or finalizers onto the objects of users.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from dromos_operator.engine.graph import affected
from dromos_operator.engine.queue import WorkQueue
from dromos_operator.engine.store import Store
from dromos_operator.kinds import KINDS, Key, Kind, Object, key_of
from dromos_operator.metrics import QUEUE

END = 10.0  # seconds that kopf may take to end


class JitteredForever:
    """Delays between attempts to reach the API server: growing to a minute, and never the last."""

    def __iter__(self) -> Iterator[float]:
        return (min(60.0, 0.5 * 2 ** min(count, 10)) * random.uniform(0.5, 1.0) for count in itertools.count())  # noqa: S311


class Intake:
    """What becomes of an event."""

    def __init__(self, store: Store, queue: WorkQueue[Key], forget: Callable[[Key], None]) -> None:
        self._store = store
        self._queue = queue
        self._forget = forget

    def take(self, kind: str, event_type: str | None, raw: Object) -> None:
        """Remember an object, or forget it, and mark the work that this makes."""
        obj = {**raw, "kind": kind}
        key = key_of(obj)
        before = self._store.get(key)
        if event_type == "DELETED":
            self._store.remove(key)
            self._forget(key)
        elif not self._store.put(obj):
            return  # known already, for example the echo of our own write
        for work in affected(obj, before, self._store):
            self._queue.add(work)
        QUEUE.set(len(self._queue))


def registry(intake: Intake) -> kopf.OperatorRegistry:
    """The handlers: one per kind."""
    handlers = kopf.OperatorRegistry()
    for kind in KINDS.values():
        _register(handlers, kind, intake)
    kopf.on.login(registry=handlers)(login)
    return handlers


def settings() -> kopf.OperatorSettings:
    """kopf's settings: no objects of its own, no Events, server-side selectors, timeouts."""
    chosen = kopf.OperatorSettings()
    chosen.scanning.disabled = True
    chosen.watching.server_timeout = 600
    chosen.watching.client_timeout = 630
    chosen.watching.chunk_size = 500
    chosen.networking.request_timeout = 30
    chosen.networking.error_backoffs = JitteredForever()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.execution.max_workers = 1
    for kind in KINDS.values():
        if kind.label_selector is not None:
            chosen.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.label_selector
        if kind.field_selector is not None:
            chosen.watching.field_selectors[kind.group, kind.version, kind.plural] = kind.field_selector
    return chosen


async def watch(intake: Intake, namespaces: tuple[str, ...], ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Watch until `stop` is set or the process is told to end; raises when a part of kopf failed."""
    tasks = await kopf.spawn_tasks(
        registry=registry(intake),
        settings=settings(),
        namespaces=namespaces,
        clusterwide=not namespaces,
        standalone=True,
        ready_flag=ready,
        stop_flag=stop,
    )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # kopf.operator() would cancel every task of the loop in the end, those of others too
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=END)
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """The pod's service account, else $KUBECONFIG; the same order as our own client's."""

    if os.environ.get("KUBECONFIG"):
        return kopf.login_with_kubeconfig(**arguments)
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)


def _register(handlers: kopf.OperatorRegistry, kind: Kind, intake: Intake) -> None:
    async def take(event: Any, **_: Any) -> None:
        intake.take(kind.name, event["type"], dict(event["object"]))

    kopf.on.event(kind.group, kind.version, kind.plural, id=f"take-{kind.plural}", registry=handlers)(take)
