# SPDX-License-Identifier: Apache-2.0
"""From a delivery to a parcel: the rules decide once more, and what has to be changed is changed.

Most deliveries need neither time nor a look at their instance. The others pass through here, a few at a time, while the
lanes go on; the change stage gives their parcels another file, offset, size and UIDs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dromos_gateway import pipeline
from dromos_gateway.changes.change import Change, Excluded, Held, Ready
from dromos_gateway.changes.stage import CannotChangeNow, Stage
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.delivery.messages import Parcel
from dromos_gateway.delivery.outcome import TryAgain
from dromos_gateway.header import HeaderView, MalformedDataSet
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.kheops.selection import shares_of
from dromos_gateway.spool.records import Delivery
from dromos_gateway.spool.spool import Spool

log = logging.getLogger(__name__)

Prepared = pipeline.Decision | Parcel | TryAgain


def needs_time(delivery: Delivery, settings: DestinationSettings, change: Change | None) -> bool:
    """Whether the instance has to be read, or changed, before it is sent."""
    condition = settings.condition
    judged = condition is None or condition.text == delivery.judged
    return settings.hold is None and (not judged or bool(settings.albums) or change is not None)


def decide_at_once(delivery: Delivery, settings: DestinationSettings, spool: Spool) -> Prepared:
    """The parcel of a delivery that needs no time, or the decision against it."""
    instance = delivery.instance
    with InstanceValues(instance, f"{spool.folder}/{instance.file}") as values:  # nearly always nobody opens it
        decision = pipeline.decide(instance, settings, values, delivery.judged)
    return _unchanged(delivery, spool) if isinstance(decision, pipeline.Deliver) else decision


class Preparation:
    """Deliveries of one destination that take their time; the parcels come out in the order in which they are ready."""

    def __init__(self, spool: Spool, stage: Stage, prepared: Callable[[Delivery, Prepared], Parcel | None]) -> None:
        self._spool = spool
        self._stage = stage
        self._prepared = prepared  # reads a decision; the parcel, if it comes to that
        self._tasks: dict[int, tuple[asyncio.Task[None], Delivery]] = {}
        self._parcels: deque[tuple[Delivery, Parcel]] = deque()

    @property
    def count(self) -> int:
        """Deliveries that are in here."""
        return len(self._tasks) + len(self._parcels)

    @property
    def ready(self) -> int:
        """Parcels that could go now."""
        return len(self._parcels)

    def begin(self, delivery: Delivery, settings: DestinationSettings, change: Change | None) -> None:
        """Take a delivery in."""
        self._tasks[delivery.id] = asyncio.create_task(self._prepare(delivery, settings, change)), delivery

    def take(self) -> tuple[Delivery, Parcel] | None:
        """The next parcel."""
        return self._parcels.popleft() if self._parcels else None

    def take_back(self) -> list[Delivery]:
        """Stop, and give all deliveries back."""
        left = [delivery for delivery, _ in self._parcels] + [delivery for _, delivery in self._tasks.values()]
        for task, _ in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._parcels.clear()
        return left

    async def _prepare(self, delivery: Delivery, settings: DestinationSettings, change: Change | None) -> None:
        try:
            delivery, outcome = await self._outcome(delivery, settings, change)
        except CannotChangeNow as error:
            outcome = TryAgain(str(error), blames_destination=False)
        except OSError as error:
            outcome = TryAgain(f"the spool cannot be read: {error.strerror}", blames_destination=False)
        except Exception as error:  # a defect of ours must not lose an instance from its queue
            log.exception("an instance could not be prepared")
            outcome = TryAgain(f"internal error: {type(error).__name__}", blames_destination=False)
        if self._tasks.pop(delivery.id, None) is None:
            return  # it was taken back
        parcel = self._prepared(delivery, outcome)
        if parcel is not None:
            self._parcels.append((delivery, parcel))

    async def _outcome(
        self, delivery: Delivery, settings: DestinationSettings, change: Change | None
    ) -> tuple[Delivery, Prepared]:
        if needs_time(delivery, settings, None):  # the instance is read; a thread costs as much as the rest of it
            found = await asyncio.to_thread(decide_at_once, delivery, settings, self._spool)
        else:
            found = decide_at_once(delivery, settings, self._spool)
        if isinstance(found, Parcel) and change is not None:
            made = await self._stage.make(
                delivery, self._spool.path(delivery.instance), change, settings.applied, file=bool(settings.albums)
            )
            found = _decision(delivery, made)
        if isinstance(found, Parcel) and settings.albums:
            return await asyncio.to_thread(_shared, delivery, settings, self._spool, found)
        return delivery, found


def _decision(delivery: Delivery, made: Ready | Held | Excluded) -> Prepared:
    if isinstance(made, Ready):
        return Parcel(
            delivery.id,
            str(made.path),
            made.data_set_offset,
            made.size,
            made.sop_class_uid,
            made.sop_instance_uid,
            made.transfer_syntax_uid,
            delivery.attempts + 1,
            delivery.instance.study,
            made.patches,
        )
    if isinstance(made, Excluded):
        return pipeline.Exclude(made.rule)
    if made.retry_after is not None:
        return pipeline.Hold(made.reason, made.message, made.retry_after)
    return pipeline.Fail(made.reason, made.message)


def _shared(
    delivery: Delivery, settings: DestinationSettings, spool: Spool, parcel: Parcel
) -> tuple[Delivery, Prepared]:
    """Say which albums the series goes into."""
    instance = delivery.instance
    with InstanceValues(instance, spool.path(instance)) as received, Path(parcel.path).open("rb") as file:
        try:
            sent = HeaderView.of_file(file, parcel.data_set_offset, parcel.transfer_syntax_uid, parcel.size)
            return replace(delivery, shares=shares_of(settings.albums, received, sent)), parcel
        except MalformedDataSet as error:
            return delivery, pipeline.Fail("MalformedDataSet", f"the series cannot be read: {error}")


def _unchanged(delivery: Delivery, spool: Spool) -> Parcel:
    instance = delivery.instance
    return Parcel(
        delivery.id,
        f"{spool.folder}/{instance.file}",
        instance.data_set_offset,
        instance.size,
        instance.sop_class_uid,
        instance.sop_instance_uid,
        instance.transfer_syntax_uid,
        delivery.attempts + 1,
        instance.study,
    )
