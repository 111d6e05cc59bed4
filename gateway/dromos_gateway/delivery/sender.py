# SPDX-License-Identifier: Apache-2.0
"""What waits for one destination: its queue, its breaker, its clock. The lanes themselves run in another process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from dromos_gateway import pipeline
from dromos_gateway.changes.stage import Stage
from dromos_gateway.configuration.settings import DestinationSettings, PeerSettings, StowSettings
from dromos_gateway.delivery.backoff import retry_delay
from dromos_gateway.delivery.breaker import Breaker
from dromos_gateway.delivery.contact import Contact
from dromos_gateway.delivery.fairqueue import FairQueue
from dromos_gateway.delivery.fallback import Fallback
from dromos_gateway.delivery.figures import Figures
from dromos_gateway.delivery.lanes import Lanes
from dromos_gateway.delivery.messages import Done, Ended, Opened, Parcel, Report, Returned
from dromos_gateway.delivery.outbox import Outbox
from dromos_gateway.delivery.outcome import TRANSFER_SYNTAX_REFUSED, Outcome, Refused, TryAgain, in_our_words
from dromos_gateway.delivery.preparation import Preparation, decide_at_once, needs_time
from dromos_gateway.delivery.suspicion import Suspects
from dromos_gateway.spool.records import Delivery, State
from dromos_gateway.spool.spool import Spool

log = logging.getLogger(__name__)

IDLE = 2.0  # seconds that an association stays open for the next instance
_NAP = 30.0  # seconds between looks at the clock when nothing happens
_LOOKS = 100  # held instances that are looked at again in a second
_SHORTEST_REST = 1.0  # seconds, whatever Retry-After says: "0" must not keep us busy
_CROWDED = 60.0  # seconds that a peer's "local limit exceeded" is believed
_LOST = TryAgain("the sending process ended; whether the instance arrived is unknown", blames_destination=False)


class Sender:
    """One destination's queue, and what comes of what it sends."""

    def __init__(
        self,
        settings: DestinationSettings,
        spool: Spool,
        stage: Stage,
        outbox: Outbox,
        clock: Callable[[], float],
        random: Random,
        shared: Callable[[], None] = lambda: None,
        figures: Callable[[], Figures] = Figures,
    ) -> None:
        self.settings = settings
        self.queue = FairQueue()
        self.breaker = Breaker()
        self.contact = Contact(clock(), random)
        self.figures = figures()
        self._lanes = Lanes(outbox, self)
        self._preparation = Preparation(spool, stage, self._prepared)
        self._fallback = Fallback()
        self._suspects = Suspects()
        self._stage = stage
        self._spool = spool
        self._outbox = outbox
        self._clock = clock
        self._random = random
        self._shared = shared  # told when a series is to be shared into albums
        self._most_lanes = 0  # fewer than `concurrency` when the peer said that it has enough
        self._most_until = 0.0
        self._rest_until = 0.0  # the destination said when to come back (Retry-After)
        self._changed = asyncio.Event()
        self._quiet = asyncio.Event()
        self._stopping = False
        self._keeper = asyncio.create_task(self._keep())

    @property
    def in_flight(self) -> int:
        """Instances that are being prepared, or are with the sending process."""
        return self._preparation.count + self._lanes.in_flight

    @property
    def peer(self) -> PeerSettings | StowSettings | None:
        """Whom to send to; None while that is not known."""
        return self.settings.peer if self.settings.hold is None else None

    @property
    def sending(self) -> bool:
        """Whether anything may be sent now."""
        return (
            not self._stopping
            and self.peer is not None
            and self.settings.enabled
            and not self.settings.suspend
            and self.breaker.closed
            and self._clock() >= self._rest_until
            and self._outbox.is_open
        )

    @property
    def reachable(self) -> bool | None:
        """Whether the destination answers; None while that is not known, or nobody asks it."""
        asked = self.peer is not None and self.settings.enabled and not self.settings.suspend
        return self.contact.reachable if asked else None

    def update(self, settings: DestinationSettings) -> None:
        """Go on with another configuration; what is not begun is decided anew, lanes to another peer end."""
        if settings != self.settings:
            self._lanes.recall()
        if settings.peer != self.settings.peer:
            for lane in self._lanes:
                self._lanes.retire(lane)
            self.contact.forget(self._clock())
        self.settings = settings
        self._fallback.clear()
        self._suspects = Suspects()
        for delivery in reversed(self._preparation.take_back()):  # it was decided by the old rules
            self._give_back(delivery)
        self._most_lanes = 0
        self._rest_until = 0.0
        self.breaker.reset()
        self.queue.wake_all(self._clock())
        self.fill()

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Queue deliveries."""
        now = self._clock()
        for delivery in deliveries:
            self.queue.add(delivery, now)
        self.fill()

    async def stop(self, timeout: float) -> None:
        """Finish what is being sent, give up what takes longer than `timeout`; the rest stays in the spool."""
        self._stopping = True
        self._keeper.cancel()
        self._preparation.take_back()
        for lane in self._lanes:
            self._lanes.retire(lane)
        if not await self._ended_within(timeout):
            for delivery in self._lanes.abort():
                self._give_back(delivery)
            await self._ended_within(1.0)

    async def _ended_within(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                while self._lanes:
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            return False
        return True

    # --- to the lanes ---

    def fill(self) -> None:
        """Give the lanes as much as they take."""
        waiting = self.queue.ready or self._preparation.ready
        if waiting and self.sending and (peer := self.peer) is not None:
            now, limit = self._clock(), self._allowed_lanes()
            while (ready := self.queue.ready + self._preparation.ready) and (
                lane := self._lanes.for_next(peer, ready, limit, self.queue.kinds)
            ) is not None:
                if (found := self._preparation.take() or self._next(now, limit)) is None:
                    break
                delivery, parcel = found
                if parcel is not None:
                    self._lanes.load(lane, delivery, parcel)
            self._lanes.dispatch(self.queue.kinds)
        self._changed.set()

    def _next(self, now: float, limit: int) -> tuple[Delivery, Parcel | None] | None:
        """The delivery whose turn it is, with what to send where that is known at once; None when nobody's is."""
        if self._preparation.count > limit or (delivery := self.queue.take(now)) is None:
            return None
        change = self._fallback.change(delivery.instance, self.settings.change, now)
        if now - delivery.since > self.settings.max_age:
            self._expire(delivery)
        elif needs_time(delivery, self.settings, change):
            self._preparation.begin(delivery, self.settings, change)
        else:
            return delivery, self._decided(delivery, decide_at_once(delivery, self.settings, self._spool))
        return delivery, None

    def _prepared(self, delivery: Delivery, decision: pipeline.Decision | Parcel | TryAgain) -> Parcel | None:
        """A delivery that took its time is ready, or will not be."""
        parcel = self._decided(delivery, decision)
        asyncio.get_running_loop().call_soon(self.fill)
        return parcel

    def _allowed_lanes(self) -> int:
        peer = self.settings.peer
        concurrency = peer.concurrency if peer is not None else 0
        if self._most_lanes and self._clock() < self._most_until:
            return min(concurrency, self._most_lanes)
        return concurrency

    def _decided(self, delivery: Delivery, decision: pipeline.Decision | Parcel | TryAgain) -> Parcel | None:
        """What is to be sent of a delivery; None when a rule or a doubt keeps it back."""
        if isinstance(decision, Parcel):
            self.figures.begun(delivery)
            return decision
        self.figures.kept_back(decision)
        if isinstance(decision, TryAgain):
            self._conclude(delivery, decision)
        elif isinstance(decision, pipeline.Exclude):
            self._end(delivery, State.Excluded, decision.rule, decision.rule)
        elif isinstance(decision, pipeline.Fail):
            log.warning("dead letter", extra=self._told(decision.message, delivery))
            self._end(delivery, State.Failed, decision.reason, decision.message)
        elif isinstance(decision, pipeline.Hold):
            pause = decision.retry_after + len(self.queue) / _LOOKS  # a long queue of them must not keep us busy
            self._later(replace(delivery, due=self._clock() + pause, last_error=decision.message))
        return None

    # --- from the lanes ---

    def reported(self, report: Report) -> None:
        """A lane says how it went."""
        if isinstance(report, Done):
            delivery = self._lanes.done(report, self._clock())
            if delivery is not None:
                self._conclude(delivery, report.outcome)
        elif isinstance(report, Returned):
            for delivery in reversed(self._lanes.returned(report)):
                self._give_back(delivery)
        elif isinstance(report, Opened):
            self._opened(report)
        elif isinstance(report, Ended):
            for delivery in self._lanes.ended(report):
                self._conclude(delivery, _LOST)
            self._quiet.set()
        self.fill()

    def lost(self) -> None:
        """The sending process ended."""
        for delivery in self._lanes.lost():
            self._conclude(delivery, _LOST)
        self._quiet.set()

    def _opened(self, report: Opened) -> None:
        if self._lanes.opened(report, self._clock()) is None or not self._lanes.connected:
            return  # it stands; or it is not about this one, and an instance shall tell
        log.info("takes no further association", extra=self._told(report.error or ""))
        self._most_lanes, self._most_until = self._lanes.connected, self._clock() + _CROWDED

    def _conclude(self, delivery: Delivery, outcome: Outcome) -> None:
        now = self._clock()
        self.figures.concluded(delivery, outcome)
        if isinstance(outcome, Refused) and outcome.reason == TRANSFER_SYNTAX_REFUSED:
            sent = self._stage.syntax_of(delivery)
            if self._fallback.refused(delivery.instance, sent, now):
                log.info("another transfer syntax is tried", extra=self._told(outcome.message, delivery))
                self._give_back(delivery)
                return
        attempted = not isinstance(outcome, TryAgain) or outcome.attempted
        tried = replace(delivery, attempts=delivery.attempts + attempted)
        if isinstance(outcome, TryAgain):
            outcome = self._suspects.judge(delivery.id, outcome)
            if isinstance(outcome, TryAgain):
                self._try_again(tried, outcome, now)
                return
        else:
            self.breaker.succeeded()
            self.contact.heard(now)
        if isinstance(outcome, Refused):
            log.warning("dead letter", extra=self._told(outcome.message, delivery))
            self._end(tried, State.Failed, outcome.reason, outcome.message)
        else:
            self._suspects.delivered()
            self._end(tried, State.Delivered, "", outcome.warning)

    def _try_again(self, tried: Delivery, outcome: TryAgain, now: float) -> None:
        told = outcome.retry_after  # it goes before our own guess, which grows to minutes in a long outage
        pause = retry_delay(tried.attempts, self._random) if told is None else max(told, _SHORTEST_REST)
        log.info("tried again later", extra=self._told(outcome.message, tried))
        self._later(replace(tried, due=now + pause, last_error=outcome.message))
        if outcome.blames_destination:
            self.contact.missed(in_our_words(outcome.message), now)
        opened = False
        if told is not None:
            self._rest_until = max(self._rest_until, now + pause)
        elif outcome.blames_destination:
            opened = self.breaker.trip(now) if outcome.refuses_us else self.breaker.failed(now)
        if opened:
            log.warning("sending pauses", extra=self._told(outcome.message))
        self._changed.set()

    def _told(self, error: str = "", delivery: Delivery | None = None) -> dict[str, object]:
        """The fields of a line in the log."""
        fields: dict[str, object] = {"destination": self.settings.key}
        if delivery is not None:
            fields["delivery"] = delivery.id
        return fields | ({"error": in_our_words(error)} if error else {})

    def _end(self, delivery: Delivery, state: State, reason: str, message: str) -> None:
        now = self._clock()
        sent = self._stage.sent(delivery) if state is State.Delivered else None
        self._spool.settle(delivery, state, reason=reason, message=message, at=now, sent=sent)
        self._stage.forget(delivery.id, delivered=state is State.Delivered)
        self._suspects.forget(delivery.id)
        self.queue.done(delivery, now)
        if state is State.Delivered:
            self.figures.delivered(delivery.instance, now)
        if state is State.Delivered and delivery.shares:
            self._shared()

    def _later(self, delivery: Delivery) -> None:
        now = self._clock()
        self._spool.reschedule(delivery, now)
        self._stage.rest(delivery.id)
        self.queue.give_back(delivery, now)

    def _give_back(self, delivery: Delivery) -> None:
        self._stage.rest(delivery.id)
        self.queue.give_back(delivery, self._clock())

    def _expire(self, delivery: Delivery) -> None:
        error = delivery.last_error or self.contact.error  # it may never have come to an attempt
        said = f"; the last error was: {error}" if error else ""
        self._end(delivery, State.Failed, "MaxAgeExceeded", f"waited longer than retry.maxAge{said}")

    # --- the clock ---

    async def _keep(self) -> None:
        """Watch the clock: sleepers that are due, idle lanes, probes, instances that waited too long."""
        while True:
            now = self._clock()
            due = self.queue.next_due()
            rested = 0.0 < self._rest_until <= now
            if rested or (due is not None and due <= now):
                self._rest_until = 0.0 if rested else self._rest_until
                self.queue.wake(now)
                self.fill()
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.01, self._next_look(now) - now)):
                    await self._changed.wait()
                await asyncio.sleep(0.05)  # while instances flow, a look at the clock now and then will do
            except TimeoutError:
                self._expire_old()
            self._retire_idle()
            if not self.breaker.closed and self._clock() >= self.breaker.probe_at:
                await self._probe()

    def _next_look(self, now: float) -> float:
        times = [now + _NAP]
        if not self.breaker.closed:
            times.append(self.breaker.probe_at)
        elif (due := self.queue.next_due()) is not None:
            times.append(due)
        if self._lanes:
            times.append(now + IDLE / 2)
        if self._rest_until > now:
            times.append(self._rest_until)
        return min(times)

    def _retire_idle(self) -> None:
        now, allowed = self._clock(), self._allowed_lanes()
        for number, lane in enumerate(self._lanes):
            idle = not lane.carrying and not lane.opening
            if idle and (now - lane.idle_since > IDLE or number >= allowed or not self.sending):
                self._lanes.retire(lane)

    def _expire_old(self) -> None:
        """Also while the breaker is open; not during maintenance, which is somebody's decision."""
        wanted = self.settings
        if wanted.suspend or not wanted.enabled or wanted.hold is not None:
            return
        now = self._clock()
        for delivery in self.queue.expired(now - wanted.max_age, now):
            self._expire(delivery)

    async def _probe(self) -> None:
        peer = self.peer
        if peer is None or self.settings.suspend or not self.settings.enabled or self._stopping:
            self.breaker.probe_at = self._clock() + _NAP
            return
        self.breaker.probing()
        error = await self._ask(peer)
        self.breaker.probed(error is None, self._clock())
        if error is not None:
            log.info("still out of reach", extra=self._told(error))
            return
        log.info("answers again", extra=self._told())
        self.queue.wake_all(self._clock())
        self.fill()

    async def ask(self) -> None:
        """Ask the destination whether it answers, without a reason to send."""
        if self.sending and not self.in_flight and (peer := self.peer) is not None:
            await self._ask(peer)

    async def _ask(self, peer: PeerSettings | StowSettings) -> str | None:
        error = await self._outbox.probe(peer)
        if error is None:
            self.contact.heard(self._clock())
        else:
            self.contact.missed(error, self._clock())
        return error
