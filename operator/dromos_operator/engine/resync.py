# SPDX-License-Identifier: Apache-2.0
"""Lists: once before anything is watched, then every few minutes, to find what watches did not tell."""

from __future__ import annotations

import asyncio
import logging
import random

from dromos_operator.engine.graph import affected, forward_node_of
from dromos_operator.engine.queue import WorkQueue
from dromos_operator.engine.store import Store
from dromos_operator.errors import ApiError
from dromos_operator.kinds import KINDS, Key, key_of
from dromos_operator.kube.client import Client
from dromos_operator.metrics import OBJECTS, RESYNC_FOUND

log = logging.getLogger(__name__)

INTERVAL = 300.0
SPREAD = 60.0
FIRST_RETRY = 1.0
LONGEST_RETRY = 30.0


async def seed(store: Store, client: Client, namespaces: tuple[str, ...]) -> None:
    """Fill the store; returns only once every kind was listed.

    Planning from half a store would take a Destination that was not listed yet for one that was deleted.
    """
    delay = FIRST_RETRY
    while True:
        try:
            await relist(store, client, namespaces)
            return
        except ApiError as error:
            log.warning("cannot list yet", extra={"code": error.status, "reason": str(error)})
        await asyncio.sleep(delay)
        delay = min(LONGEST_RETRY, delay * 2)


async def relist(store: Store, client: Client, namespaces: tuple[str, ...]) -> set[Key]:
    """List all kinds; returns what differences make work for."""
    work: set[Key] = set()
    for kind in KINDS:
        for namespace in namespaces or (None,):
            since = store.epoch
            known = {key_of(obj): obj for obj in store.select(kind, namespace)}
            items = await client.list(kind, namespace)
            found = store.replace(kind, items, since, (namespace,) if namespace else ())
            for what, keys in (("added", found.added), ("changed", found.changed), ("ghost", found.ghosts)):
                RESYNC_FOUND.labels(what).inc(len(keys))
                for key in keys:
                    obj = store.get(key) or known.get(key)
                    if obj is not None:
                        work |= affected(obj, known.get(key), store)
        OBJECTS.labels(kind).set(sum(1 for _ in store.select(kind)))
    return work


def everything(store: Store) -> set[Key]:
    """All ForwardNodes and Projects, and the ForwardNodes that Destinations wish for."""
    wished = {
        Key("ForwardNode", obj["metadata"]["namespace"], forward_node_of(obj)) for obj in store.select("Destination")
    }
    return wished | {key_of(obj) for kind in ("ForwardNode", "Project") for obj in store.select(kind)}


async def resync(store: Store, client: Client, queue: WorkQueue[Key], namespaces: tuple[str, ...]) -> None:
    """List again and again, and look at everything each time."""
    while True:
        await asyncio.sleep(random.uniform(0.9, 1.1) * INTERVAL)  # noqa: S311
        try:
            for key in await relist(store, client, namespaces):
                queue.add(key)
        except ApiError as error:
            log.warning("cannot list", extra={"code": error.status, "reason": str(error)})
            continue
        for key in everything(store):
            queue.add(key, random.uniform(0, SPREAD))  # noqa: S311
