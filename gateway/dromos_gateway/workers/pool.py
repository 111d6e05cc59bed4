# SPDX-License-Identifier: Apache-2.0
"""As many worker processes as cores, started when there is work, ended when there is none.

A job that goes wrong costs its worker, nothing else. Whoever waits longest is served first, so that destinations which
ask for one job at a time take turns.
"""

from __future__ import annotations

import asyncio
import os
from typing import Self, TypeVar, cast

from dromos_gateway.background import Background
from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.worker import Worker

T = TypeVar("T")

_JOBS_PER_WORKER = 2000  # codecs leak a little
_IDLE = 30.0  # seconds a worker without work stays


class Pool:
    """Runs jobs in worker processes: ``async with Pool() as pool: await pool.run(job, limits)``."""

    def __init__(self, size: int | None = None, idle: float = _IDLE) -> None:
        self.size = size or len(os.sched_getaffinity(0))
        self._idle_time = idle
        self._slots = asyncio.Semaphore(self.size)
        self._idle: list[Worker] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._stopping = Background()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, job: Job[T], limits: Limits) -> Done[T] | Failed:
        """Run `job` as soon as a core is free. A caller that is cancelled takes its job with it."""
        async with self._slots:
            if self._closed:
                return Failed(Cause.SYSTEM, "the pool of workers is closed")
            try:
                return cast("Done[T] | Failed", await self._run(cast("Job[object]", job), limits))
            except OSError as error:
                return Failed(Cause.SYSTEM, f"no worker process can be started: {os.strerror(error.errno or 0)}")

    async def close(self) -> None:
        """End the workers without work; the others end with their jobs, which the callers cancel."""
        self._closed = True
        self._cancel_sweeper()
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.stop() for worker in idle), self._stopping.over())

    async def _run(self, job: Job[object], limits: Limits) -> Done[object] | Failed:
        while True:
            worker = await self._take()
            answer = await worker.run(job, limits)
            await self._give_back(worker)
            if worker.took_it or worker.jobs == 1:  # an older one may have been killed while it had nothing to do
                return answer

    async def _take(self) -> Worker:
        self._cancel_sweeper()
        while self._idle:
            worker = self._idle.pop()
            if worker.usable:
                return worker
            await worker.kill()
        return await Worker.start()

    async def _give_back(self, worker: Worker) -> None:
        if not worker.usable:
            return
        if self._closed or worker.jobs >= _JOBS_PER_WORKER:
            await worker.stop()
            return
        self._idle.append(worker)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_time, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        idle, self._idle = self._idle, []
        for worker in idle:
            self._stopping.start(worker.stop())

    def _cancel_sweeper(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
