# SPDX-License-Identifier: Apache-2.0
"""A job for which somebody waits."""

from __future__ import annotations

import asyncio
import pickle
from dataclasses import dataclass

from dromos_gateway.workers.job import Done, Failed, Job, Limits


@dataclass(eq=False, slots=True)
class Errand:
    """A job as a worker gets it, and where its answer goes."""

    body: bytes
    limits: Limits
    answer: asyncio.Future[Done[object] | Failed]

    @classmethod
    def of(cls, job: Job[object], limits: Limits) -> Errand:
        """One that nobody has begun."""
        return cls(pickle.dumps((job, limits), protocol=5), limits, asyncio.get_running_loop().create_future())

    def settle(self, answer: Done[object] | Failed) -> None:
        """Tell whoever still waits."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Likewise, of what is nobody's fault that the pool knows of."""
        if not self.answer.done():
            self.answer.set_exception(error)
