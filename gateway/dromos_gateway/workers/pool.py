# SPDX-License-Identifier: Apache-2.0
"""As many worker processes as cores, started when there is work, ended when there is none.

A job that goes wrong costs its worker, nothing else. Whoever waits longest is served first, so that destinations which
ask for one job at a time take turns. While all are at work the next job lies ready at each, so that none has to wait
for us; it is taken back from a worker that ends, that goes on for long, or while another one has nothing to do.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import Self, TypeVar, cast

from dromos_gateway.background import Background
from dromos_gateway.workers.errand import Errand
from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.worker import NOT_TAKEN, Worker

T = TypeVar("T")

_LOOKED_AT = 2000  # jobs after which a worker's memory is looked at: codecs leak a little
_HEAVY = 256 << 20  # bytes, half of what a job may have by itself; a worker that has come to that goes
_IDLE = 30.0  # seconds a worker without work stays
_LONG = 0.25  # seconds at work on the same job, after which nobody waits behind it


class Pool:
    """Runs jobs in worker processes: ``async with Pool() as pool: await pool.run(job, limits)``."""

    def __init__(self, size: int | None = None, idle: float = _IDLE) -> None:
        self.size = size or len(os.sched_getaffinity(0))
        self._idle_time = idle
        self._waiting: deque[Errand] = deque()
        self._workers: list[Worker] = []  # whoever answered last is last
        self._starting = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._background = Background()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, job: Job[T], limits: Limits) -> Done[T] | Failed:
        """Run `job` as soon as a core is free. A caller that is cancelled takes its job with it."""
        if self._closed:
            return _CLOSED
        errand = Errand.of(cast("Job[object]", job), limits)
        self._waiting.append(errand)
        self._hand_out()
        try:
            return cast("Done[T] | Failed", await errand.answer)
        except asyncio.CancelledError:
            await self._withdraw(errand)
            raise

    async def close(self) -> None:
        """End the workers without work; the others end with their jobs, which the callers cancel."""
        self._closed = True
        self._cancel_sweeper()
        for worker in self._workers:
            self._waiting.extend(worker.take_back())
        while self._waiting:
            self._waiting.popleft().settle(_CLOSED)
        idle = [worker for worker in self._workers if not (worker.usable and worker.errands)]
        await asyncio.gather(*(worker.stop() for worker in idle), self._background.over())

    def answered(self, worker: Worker) -> None:
        """A worker has answered an errand."""
        self._workers.remove(worker)
        self._workers.append(worker)
        if worker.jobs % _LOOKED_AT == 0:
            worker.weigh(_HEAVY)
        for other in self._workers:
            if other.errands > 1 and other.busy_for > _LONG:
                self._again(other.take_back())
        self._hand_out()
        self._rest(worker)

    def ended(self, worker: Worker, untouched: list[Errand]) -> None:
        """A worker is no more."""
        if worker in self._workers:
            self._workers.remove(worker)
        self._again(untouched)
        self._hand_out()

    async def _withdraw(self, errand: Errand) -> None:
        if errand in self._waiting:
            self._waiting.remove(errand)
        for worker in self._workers:
            if worker.has(errand):
                self._again([each for each in worker.take_back() if each is not errand])
                if worker.has(errand):  # it has begun
                    await worker.kill()
                self._hand_out()
                return

    def _again(self, errands: list[Errand]) -> None:
        """Those have waited longest, if anybody still waits for them."""
        if self._closed:
            for errand in errands:
                errand.settle(_CLOSED)
        else:
            self._waiting.extendleft(errand for errand in reversed(errands) if not errand.answer.done())

    def _hand_out(self) -> None:
        """To those who have nothing to do, and what is left one by one to those who will have soon."""
        idle = [worker for worker in self._workers if self._takes(worker, 0)]
        while (idle or self._has_room) and not self._waiting and (back := self._laid_elsewhere()):
            self._again(back)
        while idle and self._waiting:
            self._give(idle.pop())
        while self._waiting and self._has_room:
            self._starting += 1
            self._background.start(self._start(self._waiting.popleft()))
        for worker in self._workers:
            if self._waiting and self._takes(worker, 1) and worker.busy_for < _LONG:
                self._give(worker)

    @property
    def _has_room(self) -> bool:
        """Whether another worker may be started."""
        return len(self._workers) + self._starting < self.size

    def _takes(self, worker: Worker, errands: int) -> bool:
        return worker.usable and worker.errands == errands and not worker.worn

    def _laid_elsewhere(self) -> list[Errand]:
        """What lies ready at a worker that has not begun with it."""
        for worker in self._workers:
            if worker.usable and worker.errands > 1 and (back := worker.take_back()):
                return back
        return []

    def _give(self, worker: Worker) -> None:
        self._cancel_sweeper()
        errand = self._waiting.popleft()
        try:
            worker.put(errand)
        except OSError as error:
            errand.settle(_none_to_be_had(error))

    async def _start(self, errand: Errand) -> None:
        """Start a worker for an errand, by which it imports what later ones need."""
        try:
            worker = await Worker.start(self)
        except Exception as error:
            errand.settle(_none_to_be_had(error)) if isinstance(error, OSError) else errand.fail(error)
        else:
            if self._closed:
                errand.settle(_CLOSED)
                await worker.stop()
            else:
                self._take_in(worker, errand)
        finally:
            self._starting -= 1
        self._hand_out()

    def _take_in(self, worker: Worker, errand: Errand) -> None:
        if not worker.usable:  # it has ended already; trying again might go on for ever
            errand.settle(NOT_TAKEN)
        else:
            self._workers.append(worker)
            if not errand.answer.done():  # or nobody waits for it any more
                self._waiting.appendleft(errand)
                self._give(worker)
            self._rest(worker)

    def _rest(self, worker: Worker) -> None:
        """A worker that has nothing to do goes after a while, at once when it has done enough."""
        if worker.errands or not worker.usable:
            return
        if self._closed or worker.worn:
            self._background.start(worker.stop())
        elif self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_time, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        for worker in self._workers:
            if worker.usable and not worker.errands:
                self._background.start(worker.stop())

    def _cancel_sweeper(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None


_CLOSED = Failed(Cause.SYSTEM, "the pool of workers is closed")


def _none_to_be_had(error: OSError) -> Failed:
    return Failed(Cause.SYSTEM, f"no worker process can be started: {os.strerror(error.errno or 0)}")
