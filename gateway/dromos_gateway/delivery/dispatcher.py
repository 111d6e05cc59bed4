# SPDX-License-Identifier: Apache-2.0
"""All destinations: routes what arrived, follows the configuration."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from dromos_gateway.background import Background
from dromos_gateway.changes.stage import Stage
from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.delivery.contact import Checks
from dromos_gateway.delivery.figures import Figures
from dromos_gateway.delivery.outbox import Outbox
from dromos_gateway.delivery.sender import Sender
from dromos_gateway.delivery.sharer import Sharer
from dromos_gateway.spool.records import Delivery, State
from dromos_gateway.spool.spool import Spool
from dromos_gateway.workers.pool import Pool

log = logging.getLogger(__name__)

DELETED = "DestinationDeleted"
_PATIENCE = 10.0  # seconds that a deleted destination's instances in flight get


class Dispatcher:
    """One sender for each destination."""

    def __init__(
        self,
        spool: Spool,
        clock: Callable[[], float],
        random: Random | None = None,
        figures: Callable[[], Figures] = Figures,
    ) -> None:
        self._spool = spool
        self._figures = figures
        self._outbox = Outbox()
        self._stage = Stage(spool.folder / "prepared", Pool(), spool.space.add)
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - jitter is no secret
        self.sharer = Sharer(spool, self._outbox, clock, self._random)
        self._background = Background()
        self.senders: dict[str, Sender] = {}
        self._leaving: dict[str, Sender] = {}  # of destinations that are gone, until their queue is dead letters
        self._checks = Checks(self.senders, clock)

    async def start(self, configuration: Configuration) -> None:
        """Take up what an earlier run left; what waits for an unknown destination becomes a dead letter."""
        self._spool.arrived = self.arrived
        self._outbox.running = self._restarted
        await self._outbox.start()
        self._follow(configuration)
        self.sharer.start()
        self._checks.start()
        left: defaultdict[str, list[Delivery]] = defaultdict(list)
        now = self._clock()
        for delivery in self._spool.waiting():
            if (at := self._spool.delivered_before(delivery)) is not None:
                done = replace(delivery, attempts=delivery.attempts + 1)
                self._spool.settle(done, State.Delivered, at=at)
                continue
            left[delivery.destination].append(replace(delivery, due=now))
        for key, deliveries in left.items():
            if (sender := self.senders.get(key)) is not None:
                sender.add(deliveries)
            else:
                await self._bury(key)

    async def apply(self, configuration: Configuration) -> None:
        """Follow another configuration. Queues live on; a destination that is gone leaves dead letters."""
        for key in self.senders.keys() - configuration.destinations.keys():
            self._leaving[key] = self.senders.pop(key)
        self._follow(configuration)
        # What one of them is stuck in must hold up neither the others nor the next change for longer than its own time.
        ends = await asyncio.gather(*(self._end(key) for key in list(self._leaving)), return_exceptions=True)
        for error in ends:
            if error is not None:  # the ledger cannot be written: whoever applies comes again
                raise error

    def hurry(self, key: str) -> None:
        """Somebody tries again by hand: no pause of a destination's stands in the way, whatever it was learnt from."""
        sender = self.senders.get(key)
        if sender is not None and not sender.sending:
            sender.update(sender.settings)

    def arrived(self, deliveries: Sequence[Delivery]) -> None:
        """Queue what was just made durable."""
        for delivery in deliveries:
            sender = self.senders.get(delivery.destination)
            if sender is not None:
                sender.add((delivery,))
            else:  # deleted between the plan and the commit
                self._background.start(self._bury(delivery.destination))

    async def stop(self, timeout: float) -> None:
        """Finish what is in flight."""
        self._checks.stop()
        await asyncio.gather(*(sender.stop(timeout) for sender in self.senders.values()))
        await self.sharer.stop()
        await self._outbox.close()
        await self._stage.close()

    def _restarted(self) -> None:
        for sender in self.senders.values():
            sender.fill()

    def _follow(self, configuration: Configuration) -> None:
        self.sharer.follow(configuration.destinations)
        for key, settings in configuration.destinations.items():
            sender = self.senders.get(key)
            if sender is None:
                self.senders[key] = Sender(
                    settings, self._spool, self._stage, self._outbox, self._clock, self._random, self.sharer.poke,
                    self._figures,
                )  # fmt: skip
            elif sender.settings != settings:
                sender.update(settings)

    async def _end(self, key: str) -> None:
        await self._leaving[key].stop(_PATIENCE)
        self._stage.forget_destination(key)
        await self._bury(key)
        del self._leaving[key]

    async def _bury(self, key: str) -> None:
        number = await self._spool.bury_destination(
            key, reason=DELETED, message="destination deleted", at=self._clock()
        )
        if number:
            log.warning(
                "a destination is gone, its queue are dead letters", extra={"destination": key, "count": number}
            )
