# SPDX-License-Identifier: Apache-2.0
"""As many worker processes as cores, started when there is work, ended when there is none.

A job that goes wrong costs its worker, nothing else. Whoever waits longest is served first, so that destinations which
ask for one job at a time take turns.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Coroutine
from typing import Self, TypeVar, cast

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.messages import dump
from dromos_gateway.workers.worker import Errand, Worker

T = TypeVar("T")

_JOBS_PER_WORKER = 2000  # codecs leak a little
_IDLE = 30.0  # seconds a worker without work stays
_LONG = 0.1  # seconds after which an errand is no small one: the next isn't left to wait for it
_CLOSED = Failed(Cause.SYSTEM, "the pool of workers is closed")


class Pool:
    """Runs jobs in worker processes: ``async with Pool() as pool: await pool.run(job, limits)``."""

    def __init__(self, size: int | None = None, idle: float = _IDLE) -> None:
        self.size = size or len(os.sched_getaffinity(0))
        self._idle_time = idle
        self._waiting: deque[Errand] = deque()
        self._workers: list[Worker] = []
        self._starting = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, job: Job[T], limits: Limits) -> Done[T] | Failed:
        """Run `job` as soon as a core is free. A caller that is cancelled takes its job with it."""
        if self._closed:
            return _CLOSED
        errand = Errand(dump((job, limits)), limits, asyncio.get_running_loop().create_future())
        self._waiting.append(errand)
        self._deal()
        try:
            return cast("Done[T] | Failed", await errand.answer)
        except asyncio.CancelledError:
            await self._drop(errand)
            raise

    async def close(self) -> None:
        """End the workers without work; the others end with their jobs, which the callers cancel."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._deal()
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _deal(self) -> None:
        """Give every errand to whom it can be given to."""
        self._bury()
        if self._closed:
            self._wind_up()
            return
        self._call_back(_LONG)
        for worker in self._idle():
            if self._waiting:
                worker.give(self._waiting.popleft())
        while self._waiting and len(self._workers) + self._starting < self.size and self._starting < len(self._waiting):
            self._starting += 1
            self._spawn(self._start())
        for worker in self._workers:
            if len(self._waiting) > self._starting and worker.takes_another and not self._is_long(worker):
                worker.give(self._waiting.popleft())
        self._share()
        self._watch_the_idle()

    def _idle(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.errand is None and not worker.gone]

    def _is_long(self, worker: Worker) -> bool:
        return asyncio.get_running_loop().time() - worker.since > _LONG or worker.errands >= _JOBS_PER_WORKER

    def _call_back(self, after: float) -> None:
        """What lies ready behind a long errand waits with the others again, before them."""
        now = asyncio.get_running_loop().time()
        for worker in self._workers:
            if worker.ready is not None and now - worker.since > after and (errand := worker.recall()) is not None:
                self._waiting.appendleft(errand)

    def _share(self) -> None:
        """Who has nothing to do takes what lies ready for another."""
        for worker in self._idle():
            for other in sorted(self._workers, key=lambda each: each.since):
                if (errand := other.recall()) is not None:
                    worker.give(errand)
                    break

    def _bury(self) -> None:
        """Forget who has gone; what they never claimed goes to others, and who has done enough goes."""
        for worker in [each for each in self._workers if each.gone]:
            if worker.buried:
                self._workers.remove(worker)
                self._waiting.extendleft(each for each in reversed(worker.left) if not each.answer.done())
        for worker in self._idle():
            if worker.errands >= _JOBS_PER_WORKER:
                self._dismiss(worker)

    def _wind_up(self) -> None:
        while self._waiting:
            self._waiting.popleft().settle(_CLOSED)
        for worker in self._workers:
            if (errand := worker.recall()) is not None:
                errand.settle(_CLOSED)
        for worker in self._idle():
            self._dismiss(worker)

    async def _start(self) -> None:
        try:
            self._workers.append(await Worker.start(self._deal))
        except OSError as error:
            if self._waiting:
                why = f"no worker process can be started: {os.strerror(error.errno or 0)}"
                self._waiting.popleft().settle(Failed(Cause.SYSTEM, why))
        finally:
            self._starting -= 1
            self._deal()

    async def _drop(self, errand: Errand) -> None:
        """Nobody waits for it any more."""
        if errand in self._waiting:
            self._waiting.remove(errand)
            return
        for worker in self._workers:
            if worker.ready is errand and worker.recall() is not None:
                return
            if errand in (worker.errand, worker.ready):
                await worker.kill()

    def _watch_the_idle(self) -> None:
        if self._sweeper is None and (idle := self._idle()):
            loop = asyncio.get_running_loop()
            due = min(worker.since for worker in idle) + self._idle_time
            self._sweeper = loop.call_later(max(0.0, due - loop.time()), self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = asyncio.get_running_loop().time()
        for worker in self._idle():
            if now - worker.since >= self._idle_time:
                self._dismiss(worker)
        self._watch_the_idle()

    def _dismiss(self, worker: Worker) -> None:
        worker.dismiss()
        self._spawn(worker.ended())

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
