# SPDX-License-Identifier: Apache-2.0
"""Sends what waits for one destination: a few lanes, a breaker, a clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from dromos_gateway import pipeline
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.delivery.backoff import retry_delay
from dromos_gateway.delivery.breaker import Breaker
from dromos_gateway.delivery.fairqueue import FairQueue
from dromos_gateway.delivery.lane import Lane, probe
from dromos_gateway.delivery.outcome import Outcome, Refused, TryAgain, read_error, read_response
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Peer, StoredObject
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.spool.records import Delivery, State
from dromos_gateway.spool.spool import Spool

log = logging.getLogger(__name__)

IDLE = 2.0  # seconds that an association stays open for the next instance
_NAP = 30.0  # seconds between looks at the clock when nothing happens
_CROWDED = 60.0  # seconds that a peer's "local limit exceeded" is believed


class Sender:
    """One destination's queue and the lanes that empty it."""

    def __init__(
        self, settings: DestinationSettings, peer: Peer | None, spool: Spool, clock: Callable[[], float], random: Random
    ) -> None:
        self.settings = settings
        self.queue = FairQueue()
        self.breaker = Breaker()
        self.in_flight = 0
        self._peer = peer
        self._spool = spool
        self._clock = clock
        self._random = random
        self._lanes: set[asyncio.Task[None]] = set()
        self._open_lanes: set[Lane] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._most_lanes = 0  # fewer than `concurrency` when the peer said that it has enough
        self._most_until = 0.0
        self._changed = asyncio.Event()
        self._stopping = False
        self._keeper = asyncio.create_task(self._keep())

    @property
    def sending(self) -> bool:
        """Whether anything may be sent now."""
        wanted = self.settings
        return (
            not self._stopping
            and self._peer is not None
            and wanted.hold is None
            and wanted.enabled
            and not wanted.suspend
            and self.breaker.closed
        )

    def update(self, settings: DestinationSettings, peer: Peer | None) -> None:
        """Go on with another configuration; open associations end after the instance they carry."""
        self.settings, self._peer = settings, peer
        self._most_lanes = 0
        self.breaker.reset()
        self.queue.wake_all(self._clock())
        self._kick()

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Queue deliveries."""
        now = self._clock()
        for delivery in deliveries:
            self.queue.add(delivery, now)
        self._kick()

    async def stop(self, timeout: float) -> None:
        """Finish what is being sent, give up what takes longer than `timeout`; the rest stays in the spool."""
        self._stopping = True
        self._keeper.cancel()
        for waiter in self._idle:
            if not waiter.done():
                waiter.set_result(None)
        if self._lanes:
            _, late = await asyncio.wait(self._lanes, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _kick(self) -> None:
        """Put as many lanes to work as there is work for."""
        if self.sending:
            wanted = self.queue.ready
            while wanted > 0 and self._idle:
                waiter = self._idle.pop()
                if not waiter.done():
                    waiter.set_result(None)
                    wanted -= 1
            starting = min(wanted, self._allowed_lanes() - len(self._lanes))
            for _ in range(starting):
                task = asyncio.create_task(self._run_lane())
                self._lanes.add(task)
                task.add_done_callback(self._lane_ended)
        self._changed.set()

    def _allowed_lanes(self) -> int:
        peer = self.settings.peer
        concurrency = peer.concurrency if peer is not None else 0
        if self._most_lanes and self._clock() < self._most_until:
            return min(concurrency, self._most_lanes)
        return concurrency

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        self._lanes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("destination %s: a lane failed", self.settings.key, exc_info=error)
        elif self.queue.ready:
            self._kick()

    async def _run_lane(self) -> None:
        lane = Lane()
        try:
            while True:
                if self.sending and not lane.connected and self.queue.ready and not await self._open_further(lane):
                    break
                delivery = self.queue.take(self._clock()) if self.sending else None
                if delivery is not None:
                    self.in_flight += 1
                    try:
                        go_on = await self._process(delivery, lane)
                    finally:
                        self.in_flight -= 1
                    if not go_on or len(self._lanes) > self._allowed_lanes():
                        break
                elif not lane.connected or not await self._more_work():
                    break
            await lane.release()
        finally:
            lane.abort()
            self._open_lanes.discard(lane)

    async def _open_further(self, lane: Lane) -> bool:
        """Open an association besides others before taking an instance; False when the peer has enough of them.

        Many peers serve one association at a time. An instance taken for the second would wait for the first to end.
        """
        peer = self._peer
        others = [other for other in self._open_lanes if other is not lane and other.connected]
        self._open_lanes.add(lane)
        if peer is None or not others:
            return True
        try:
            await lane.open(peer, self.queue.kinds())
        except DimseError as error:
            if not any(other.connected for other in others):
                return True  # then it is not about this one; an instance shall tell
            log.info("destination %s: takes no further association: %s", self.settings.key, error)
            self._most_lanes, self._most_until = len(others), self._clock() + _CROWDED
            return False
        return True

    async def _more_work(self) -> bool:
        """Wait a moment for work; False when there was none."""
        if self._stopping:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        try:
            async with asyncio.timeout(IDLE):
                await waiter
        except TimeoutError:
            return False
        finally:
            if waiter in self._idle:
                self._idle.remove(waiter)
        return not self._stopping

    async def _process(self, delivery: Delivery, lane: Lane) -> bool:
        """Bring one delivery a step further; False when the lane shall end."""
        now = self._clock()
        try:
            decision = await self._decide(delivery)
        except OSError as error:
            return self._conclude(delivery, TryAgain(f"the spool cannot be read: {error.strerror}"))
        if isinstance(decision, pipeline.Exclude):
            self._end(delivery, State.Excluded, decision.rule, decision.rule)
            return True
        if isinstance(decision, pipeline.Fail):
            log.warning("destination %s: dead letter %d: %s", self.settings.key, delivery.id, decision.message)
            self._end(delivery, State.Failed, decision.reason, decision.message)
            return True
        if isinstance(decision, pipeline.Hold):
            self._later(replace(delivery, due=now + _NAP, last_error=decision.message))
            return True
        if now - delivery.since > self.settings.max_age:
            self._expire(delivery)
            return True
        if self._peer is None:
            self._give_back(delivery)
            return False
        instance = delivery.instance
        stored = StoredObject(
            self._spool.path(instance),
            instance.data_set_offset,
            instance.sop_class_uid,
            instance.sop_instance_uid,
            instance.transfer_syntax_uid,
        )
        try:
            response = await lane.store(self._peer, stored, self.queue.kinds())
        except DimseError as error:
            return self._conclude(delivery, read_error(error, delivery.attempts + 1))
        except asyncio.CancelledError:
            self._give_back(delivery)
            raise
        except Exception as error:  # a defect of ours must not lose an instance from its queue
            log.exception("destination %s: sending failed", self.settings.key)
            return self._conclude(delivery, TryAgain(f"internal error: {type(error).__name__}"))
        return self._conclude(delivery, read_response(response))

    async def _decide(self, delivery: Delivery) -> pipeline.Decision:
        """Whether to send it; off the loop where the instance must be read for it."""
        condition, instance = self.settings.condition, delivery.instance
        with InstanceValues(instance, self._spool.path(instance)) as values:
            if condition is None or condition.text == delivery.judged:
                return pipeline.decide(instance, self.settings, values, delivery.judged)
            return await asyncio.to_thread(pipeline.decide, instance, self.settings, values, delivery.judged)

    def _conclude(self, delivery: Delivery, outcome: Outcome) -> bool:
        now = self._clock()
        tried = replace(delivery, attempts=delivery.attempts + 1)
        if isinstance(outcome, TryAgain):
            due = now + retry_delay(tried.attempts, self._random)
            log.info("destination %s: %d will be tried again: %s", self.settings.key, delivery.id, outcome.message)
            self._later(replace(tried, due=due, last_error=outcome.message))
            opened = False
            if outcome.blames_destination:
                opened = self.breaker.trip(now) if outcome.refuses_us else self.breaker.failed(now)
            if opened:
                log.warning("destination %s: sending pauses: %s", self.settings.key, outcome.message)
            self._changed.set()
            return self.breaker.closed
        self.breaker.succeeded()
        if isinstance(outcome, Refused):
            log.warning("destination %s: dead letter %d: %s", self.settings.key, delivery.id, outcome.message)
            self._end(tried, State.Failed, outcome.reason, outcome.message)
        else:
            self._end(tried, State.Delivered, "", outcome.warning)
        return True

    def _end(self, delivery: Delivery, state: State, reason: str, message: str) -> None:
        now = self._clock()
        self._spool.settle(delivery, state, reason=reason, message=message, at=now)
        self.queue.done(delivery, now)

    def _later(self, delivery: Delivery) -> None:
        now = self._clock()
        self._spool.reschedule(delivery, now)
        self.queue.give_back(delivery, now)

    def _give_back(self, delivery: Delivery) -> None:
        self.queue.give_back(delivery, self._clock())

    def _expire(self, delivery: Delivery) -> None:
        said = f"; the last error was: {delivery.last_error}" if delivery.last_error else ""
        self._end(delivery, State.Failed, "MaxAgeExceeded", f"waited longer than retry.maxAge{said}")

    async def _keep(self) -> None:
        """Watch the clock: sleepers that are due, probes, instances that waited too long."""
        while True:
            now = self._clock()
            due = self.queue.next_due()
            if due is not None and due <= now:
                self._kick_sleepers(now)
            times = [now + _NAP]
            if not self.breaker.closed:
                times.append(self.breaker.probe_at)
            elif (due := self.queue.next_due()) is not None:
                times.append(due)
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.01, min(times) - now)):
                    await self._changed.wait()
            except TimeoutError:
                self._expire_old()
            if not self.breaker.closed and self._clock() >= self.breaker.probe_at:
                await self._probe()

    def _kick_sleepers(self, now: float) -> None:
        self.queue.wake(now)
        self._kick()

    def _expire_old(self) -> None:
        """Also while the breaker is open; not during maintenance, which is somebody's decision."""
        wanted = self.settings
        if wanted.suspend or not wanted.enabled or wanted.hold is not None:
            return
        now = self._clock()
        for delivery in self.queue.expired(now - wanted.max_age, now):
            self._expire(delivery)

    async def _probe(self) -> None:
        if self._peer is None or self.settings.suspend or not self.settings.enabled or self._stopping:
            self.breaker.probe_at = self._clock() + _NAP
            return
        self.breaker.probing()
        good = True
        try:
            await probe(self._peer)
        except DimseError as error:
            good = False
            log.info("destination %s: still out of reach: %s", self.settings.key, error)
        except Exception:  # whatever it is, the next probe must come
            good = False
            log.exception("destination %s: the probe failed", self.settings.key)
        self.breaker.probed(good, self._clock())
        if good:
            log.info("destination %s: answers again", self.settings.key)
            self.queue.wake_all(self._clock())
            self._kick()
