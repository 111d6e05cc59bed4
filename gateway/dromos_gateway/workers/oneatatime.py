# SPDX-License-Identifier: Apache-2.0
"""A worker for commands, which have no loop of their own: ``with OneAtATime() as worker: worker.run(job, limits)``."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, TypeVar

from dromos_gateway.workers.job import Done, Failed, Job, Limits
from dromos_gateway.workers.pool import Pool

T = TypeVar("T")


class OneAtATime:
    """Runs jobs in a process that may be killed, as a gateway does, and waits for each."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._pool = Pool(1, idle=3600.0)  # nobody sweeps while nobody waits

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.run(self._pool.close())
        self._runner.close()

    def run(self, job: Job[T], limits: Limits) -> Done[T] | Failed:
        """What came of the job."""
        return self._runner.run(self._pool.run(job, limits))
