# SPDX-License-Identifier: Apache-2.0
"""Asks gateway pods what they run: each second while one has not acknowledged, else every ten.

One task per pod, so that a pod that does not answer delays no other. What a pod says is kept until it says something
else or another life of it begins; a change makes work for its ForwardNode.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from dromos_operator.kinds import Key
from dromos_operator.metrics import UNACKNOWLEDGED
from dromos_operator.plan.report import Report, read_configuration, read_load
from dromos_operator.plan.workload import ADMIN_PORT

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long an answer may take, and the pauses until a pod has acknowledged and after."""

    timeout: float = 2.0
    eager: float = 1.0
    calm: float = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """A pod to ask, and what it shall say."""

    node: Key
    pod: str
    address: str
    identity: str
    token: str
    hash: str


class Acknowledgements:
    """The last word of each pod."""

    def __init__(
        self, changed: Callable[[Key], None], clock: Callable[[], float], port: int = ADMIN_PORT, pace: Pace = Pace()
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._port = port
        self._pace = pace
        self._targets: dict[Key, Target] = {}
        self._reports: dict[Key, Report] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._wake: dict[Key, asyncio.Event] = {}
        self._asked: dict[Key, asyncio.Event] = {}
        self._session: aiohttp.ClientSession | None = None

    def reports(self, namespace: str, pods: tuple[str, ...]) -> Mapping[str, Report]:
        """What these pods last said."""
        found = ((name, self._reports.get(Key("Pod", namespace, name))) for name in pods)
        return {name: report for name, report in found if report is not None}

    def watch(self, node: Key, targets: Mapping[str, Target]) -> None:
        """Ask exactly these pods of a ForwardNode from now on."""
        for pod in [pod for pod, target in self._targets.items() if target.node == node and pod.name not in targets]:
            self._drop(pod)
        for name, target in targets.items():
            pod = Key("Pod", node.namespace, name)
            before = self._targets.get(pod)
            if before == target:
                continue
            self._targets[pod] = target
            if before is not None and before.identity != target.identity:
                self._reports.pop(pod, None)
            if pod in self._tasks:
                self._wake[pod].set()
            else:
                self._wake[pod] = asyncio.Event()
                self._asked[pod] = asyncio.Event()
                self._tasks[pod] = asyncio.create_task(self._ask_on(pod), name=f"ask {pod.namespace}/{pod.name}")
        self._count()

    async def first_words(self, node: Key) -> None:
        """Wait until each pod was asked once: a restarted operator must not deny what still holds."""
        asked = [self._asked[pod] for pod, target in self._targets.items() if target.node == node]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.5 * self._pace.timeout):
                for event in asked:
                    await event.wait()

    async def close(self) -> None:
        """Stop asking."""
        for pod in list(self._targets):
            self._drop(pod)
        if self._session is not None:
            await self._session.close()

    def _drop(self, pod: Key) -> None:
        self._targets.pop(pod, None)
        self._reports.pop(pod, None)
        self._wake.pop(pod, None)
        asked = self._asked.pop(pod, None)
        if asked is not None:
            asked.set()
        task = self._tasks.pop(pod, None)
        if task is not None:
            task.cancel()

    async def _ask_on(self, pod: Key) -> None:
        while True:
            target = self._targets[pod]
            self._wake[pod].clear()
            await self._ask(pod, target)
            self._asked[pod].set()
            report = self._reports.get(pod)
            is_calm = report is not None and report.hash == self._targets[pod].hash
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.calm if is_calm else self._pace.eager):
                    await self._wake[pod].wait()

    async def _ask(self, pod: Key, target: Target) -> None:
        before = self._reports.get(pod)
        try:
            report = read_configuration(target.identity, await self._get(target, "configuration"), before)
            load = read_load(await self._get(target, "status"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.debug("no answer", extra={"pod": pod.name, "namespace": pod.namespace, "reason": type(error).__name__})
            return
        if self._targets.get(pod) is None or self._targets[pod].identity != target.identity:
            return  # the answer of a former life
        report = replace(report, load=load, load_at=self._clock())
        self._reports[pod] = report
        self._count()
        if before is None or replace(before, load_at=0.0) != replace(report, load_at=0.0):
            self._changed(target.node)

    async def _get(self, target: Target, what: str) -> Mapping[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._pace.timeout), trust_env=False
            )
        host = f"[{target.address}]" if ":" in target.address else target.address
        headers = {"Authorization": f"Bearer {target.token}"}
        async with self._session.get(f"http://{host}:{self._port}/v1/{what}", headers=headers) as response:
            response.raise_for_status()
            body = await response.read()
        return _parsed(body)

    def _count(self) -> None:
        waiting = sum(
            pod not in self._reports or self._reports[pod].hash != target.hash for pod, target in self._targets.items()
        )
        UNACKNOWLEDGED.set(waiting)


def _parsed(body: bytes) -> Mapping[str, Any]:
    value = json.loads(body)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
