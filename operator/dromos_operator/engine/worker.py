# SPDX-License-Identifier: Apache-2.0
"""One piece of work: snapshot, plan, apply, acknowledgements, status.

Mistakes of users end in conditions. What raises here is the infrastructure: it is logged, counted and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dromos_operator import relay
from dromos_operator.engine import observe
from dromos_operator.engine.acks import Acknowledgements, Target
from dromos_operator.engine.queue import WorkQueue
from dromos_operator.engine.store import Store
from dromos_operator.errors import ApiError, NamespaceGoing, ObjectNotFound
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.kube import events
from dromos_operator.kube.client import Client
from dromos_operator.kube.writer import Writer
from dromos_operator.metrics import QUEUE, RECONCILE_SECONDS, RECONCILIATIONS
from dromos_operator.plan import defaults, metadata, planner, programming, projects
from dromos_operator.plan.attachment import Attachment
from dromos_operator.plan.planner import Plan
from dromos_operator.plan.report import identity_of
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.settings import Settings

log = logging.getLogger(__name__)

REVISION = "dromos.dev/config-revision"
CONFLICT_INTERVAL = 10.0
SCALING_INTERVAL = 5.0
CONFLICT = 409


@dataclass
class Worker:
    """Does the work of the queue."""

    settings: Settings
    store: Store
    queue: WorkQueue[Key]
    client: Client
    writer: Writer
    acks: Acknowledgements
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Callable[[int], bytes] = secrets.token_bytes  # where keys come from

    def __post_init__(self) -> None:
        # Projects are judged by what is written for ForwardNodes, so one namespace is worked on by one at a time.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._events = events.Events(self.client)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            key = await self.queue.get()
            started = time.monotonic()
            failed = True
            try:
                async with self._locks[key.namespace]:
                    await (self.project(key) if key.kind == "Project" else self.forward_node(key))
                failed = False
            except NamespaceGoing:
                log.info("the namespace is being deleted", extra={"namespace": key.namespace})
            except ApiError as error:
                log.warning("not done, trying again", extra={**_who(key), "code": error.status, "reason": str(error)})
            except Exception:
                log.exception("not done, trying again", extra=_who(key))
            finally:
                self.queue.done(key, failed=failed)
                QUEUE.set(len(self.queue))
                RECONCILIATIONS.labels("failed" if failed else "done").inc()
                RECONCILE_SECONDS.observe(time.monotonic() - started)

    async def forward_node(self, key: Key) -> None:
        """A ForwardNode and its Destinations; or Destinations whose ForwardNode is not there."""
        snapshot = await observe.forward_node(key, self.store, self.client, self.acks)
        if await self._made(defaults.log_key(snapshot, self.random(defaults.KEY_LENGTH)), key):
            snapshot = await observe.forward_node(key, self.store, self.client, self.acks)
        mails = relay.current(self.settings.smtp, self.settings.smtp_login)
        planned = planner.plan(snapshot, self.settings, secrets.token_urlsafe(32), time.monotonic(), mails)
        live = dict(snapshot.live)
        refusals: list[str] = []
        for wanted in planned.objects:
            result, refusal = await self.writer.apply(wanted, live.get(key_of(wanted)))
            refusals += [refusal] if refusal else []
            if result is not None:
                live[key_of(wanted)] = result
        refusals += [refusal for claim, patch in planned.growth if (refusal := await self.writer.grow(claim, patch))]
        self.acks.watch(key, self._targets(key, planned, snapshot))
        await self.acks.first_words(key)
        snapshot = replace(snapshot, live=live, reports=self.acks.reports(key.namespace, tuple(snapshot.pods)))
        await self._direct(planned, snapshot)
        await self._announce(planned, snapshot)
        current = replace(planned, attachment=Attachment(snapshot))
        for status in planner.statuses(current, tuple(refusals), self._timestamp()):
            await self._write_status(status, key)
        if planned.conflicts or refusals:
            self.queue.add(key, CONFLICT_INTERVAL)
        if planned.scale.waiting:
            self.queue.add(key, SCALING_INTERVAL)

    async def project(self, key: Key) -> None:
        """A Project and its keys."""
        snapshot = observe.project(key, self.store)
        if snapshot is None:
            return
        if await self._made(projects.key_secret(snapshot, self.random(16)), key):
            snapshot = observe.project(key, self.store) or snapshot
        status = projects.project_status(snapshot, self._timestamp())
        if status is not None:
            await self._write_status(status, key)

    async def _made(self, secret: Object | None, key: Key) -> bool:
        """Create a Secret with keys, if one is wanted; one that is there already is adopted as it is."""
        if secret is None:
            return False
        try:
            self.store.put(await self.client.create(secret), "Secret")
            log.info("made keys", extra={**_who(key), "secret": secret["metadata"]["name"]})
        except ApiError as error:
            if error.status != CONFLICT:
                raise
        return True

    async def _write_status(self, wanted: Object, work: Key) -> None:
        key = key_of(wanted)
        live = self.store.get(key)
        if live is None:
            return
        try:
            written, wait = await self.writer.apply_status(wanted, live)
        except ObjectNotFound:  # deleted a moment ago
            return
        if wait is not None:
            self.queue.add(work, wait)
        if not written:
            return
        await self._tell(wanted, live, key)
        if key.kind == "Destination":
            self._tell_projects(live)

    async def _tell(self, wanted: Object, live: Object, key: Key) -> None:
        """Events for what the status, as it was written, says anew."""
        written = {**wanted, "status": (self.store.get(key) or wanted)["status"]}
        for event in events.transitions(written, live, self._timestamp()):
            try:
                await self._events.tell(event)
            except ApiError as error:  # an Event is a courtesy
                log.info("no Event", extra={**_who(key), "code": error.status})

    def _tell_projects(self, destination: Object) -> None:
        for project in self.store.select("Project", destination["metadata"]["namespace"]):
            if projects.uses(destination, project["metadata"]["name"]):
                self.queue.add(key_of(project))

    def _targets(self, node: Key, planned: Plan, snapshot: Snapshot) -> dict[str, Target]:
        found: dict[str, Target] = {}
        for name in planned.expected.pods:
            pod = snapshot.pods.get(name)
            address = ((pod or {}).get("status") or {}).get("podIP")
            if pod is not None and address:
                found[name] = Target(node, name, address, identity_of(pod), planned.token, planned.expected.hash)
        return found

    async def _direct(self, planned: Plan, snapshot: Snapshot) -> None:
        """Let new associations come to the pods that stay, and no more to those that shall go."""
        for name, pod in snapshot.pods.items():
            label = metadata.receiving(name not in planned.scale.retiring)
            if not label.items() <= (pod["metadata"].get("labels") or {}).items():
                await self._patch_pod(snapshot, name, {"labels": label})

    async def _announce(self, planned: Plan, snapshot: Snapshot) -> None:
        """Touch pods whose files changed: the kubelet then refreshes them at once instead of within a minute."""
        mounted = [obj["metadata"] for key, obj in snapshot.live.items() if key.kind == "Secret"]
        version = "-".join(each.get("resourceVersion", "") for each in mounted)
        data = next((obj.get("data") for key, obj in snapshot.live.items() if key.kind == "ConfigMap"), None)
        revision = f"{hashlib.sha256(repr(sorted((data or {}).items())).encode()).hexdigest()[:16]}-{version}"
        for name in planned.expected.pods:
            pod, report = snapshot.pods.get(name), snapshot.reports.get(name)
            if pod is None or programming.acknowledged(pod, report, planned.expected.hash):
                continue
            if not programming.is_ready(pod) or (pod["metadata"].get("annotations") or {}).get(REVISION) == revision:
                continue
            await self._patch_pod(snapshot, name, {"annotations": {REVISION: revision}})

    async def _patch_pod(self, snapshot: Snapshot, name: str, changes: dict[str, Any]) -> None:
        with contextlib.suppress(ObjectNotFound):
            key = Key("Pod", snapshot.namespace, name)
            self.store.put(await self.client.merge(key, {"metadata": changes}), "Pod")

    def _timestamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def _who(key: Key) -> dict[str, str]:
    return {"kind": key.kind, "namespace": key.namespace, "object": key.name}
