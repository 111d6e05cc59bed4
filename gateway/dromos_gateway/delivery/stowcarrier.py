# SPDX-License-Identifier: Apache-2.0
"""One lane of a STOW-RS destination in the sending process: what is at hand of one study goes in one request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.messages import Done, Kind, Load, Parcel, Report
from dromos_gateway.delivery.outcome import Outcome, TryAgain
from dromos_gateway.dimse.requestor import StoredObject
from dromos_gateway.stow.client import Attempt, StowClient

log = logging.getLogger(__name__)

# Seconds between the beginnings of two requests that are not full: while instances flow in, they are worth waiting for.
# An instance that comes alone goes at once, and so does what is there when the flow stops.
_PACE = 0.1
_LULL = 0.02


class StowCarrier(Carrying):
    """Parcels a batch at a time."""

    def __init__(self, number: int, client: StowClient, report: Callable[[Report], None]) -> None:
        super().__init__(number, report)
        self._client = client
        self._full = asyncio.Event()
        self._next = self._came = 0.0

    def open(self, kinds: tuple[Kind, ...]) -> None:
        """There is nothing to negotiate."""

    def load(self, order: Load) -> None:
        """Take more to carry."""
        super().load(order)
        self._came = asyncio.get_running_loop().time()
        if self._is_full():
            self._full.set()

    def release(self) -> None:
        """End when everything is carried."""
        super().release()
        self._full.set()

    async def _carry(self) -> None:
        await self._gather()
        if self._parcels:  # nobody wanted them back meanwhile
            await self._deliver(self._batch())

    async def _gather(self) -> None:
        """Wait a moment for company."""
        loop = asyncio.get_running_loop()
        self._full.clear()
        while not self._is_full() and not self._releasing:
            pause = min(self._next, self._came + _LULL) - loop.time()
            if pause <= 0:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._full.wait()
        self._next = loop.time() + _PACE

    def _is_full(self) -> bool:
        """Whether there is as much as one request takes."""
        size = sum(parcel.size for parcel in self._parcels)
        return len(self._parcels) >= self._client.most_instances or size >= self._client.most_bytes

    def _batch(self) -> list[Parcel]:
        """The first parcel and those of its study, as many as one request takes; they leave the line."""
        first = self._parcels[0]
        batch, left, size = [first], deque[Parcel](), first.size
        for parcel in islice(self._parcels, 1, None):
            fits = len(batch) < self._client.most_instances and size + parcel.size <= self._client.most_bytes
            if parcel.study == first.study and fits:
                batch.append(parcel)
                size += parcel.size
            else:
                left.append(parcel)
        self._parcels = left
        return batch

    async def _deliver(self, batch: Sequence[Parcel]) -> None:
        stumbled = False
        for parcel, outcome in zip(batch, await self._send(batch), strict=True):
            said = outcome
            if isinstance(outcome, TryAgain):
                if stumbled:  # one request is one failure, however many instances it had
                    said = replace(outcome, blames_destination=False)
                stumbled = True
            self._report(Done(self._number, parcel.key, said, connected=True))
        if stumbled:
            self._stumble()

    async def _send(self, batch: Sequence[Parcel]) -> Sequence[Outcome]:
        attempts = [
            Attempt(
                StoredObject(
                    Path(parcel.path),
                    parcel.data_set_offset,
                    parcel.sop_class_uid,
                    parcel.sop_instance_uid,
                    parcel.transfer_syntax_uid,
                    parcel.size,
                    parcel.patches,
                ),
                parcel.attempts,
            )
            for parcel in batch
        ]
        try:
            return await self._client.send(attempts)
        except Exception as error:  # a defect of ours must not lose an instance from its queue
            log.exception("sending failed")
            return [TryAgain(f"internal error: {type(error).__name__}")] * len(batch)
