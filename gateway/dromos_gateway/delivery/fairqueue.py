# SPDX-License-Identifier: Apache-2.0
"""The order in which one destination's instances go: studies take turns, one instance's transfers stay in order."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import replace

from dromos_gateway.spool.records import Delivery


class FairQueue:
    """Waiting deliveries of one destination.

    Ready ones are taken round-robin over studies, so a backlog of thousands does not starve a study of ten. Those that
    are not due yet sleep in a heap. A SOP instance received twice is two transfers in order: the second one follows
    only when the first is done.
    """

    def __init__(self) -> None:
        self._ready: OrderedDict[str, deque[Delivery]] = OrderedDict()
        self._sleeping: list[tuple[float, int, Delivery]] = []
        self._followers: dict[str, list[Delivery] | None] = {}  # key: an instance that is queued or in flight
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._taken: set[int] = set()  # deliveries that others wait behind, though they are not here
        self._ready_count = 0

    def __len__(self) -> int:
        """How many wait, those in flight not counted."""
        return self._kinds.total()

    @property
    def ready(self) -> int:
        """How many could go now."""
        return self._ready_count

    def kinds(self) -> list[tuple[str, str]]:
        """SOP class and transfer syntax of what waits, the most frequent first."""
        return [kind for kind, _ in self._kinds.most_common()]

    def add(self, delivery: Delivery, now: float) -> None:
        """Queue a delivery that is new here."""
        self._kinds[_kind(delivery)] += 1
        uid = delivery.instance.sop_instance_uid
        if uid not in self._followers:
            self._followers[uid] = None
            self._place(delivery, now)
        elif (followers := self._followers[uid]) is not None:
            followers.append(delivery)
        else:
            self._followers[uid] = [delivery]

    def give_back(self, delivery: Delivery, now: float) -> None:
        """Queue a delivery again that was taken; its followers keep waiting behind it."""
        self._taken.discard(delivery.id)
        self._kinds[_kind(delivery)] += 1
        self._place(delivery, now, first=True)

    def take(self, now: float) -> Delivery | None:
        """The next delivery whose turn it is."""
        self.wake(now)
        if not self._ready:
            return None
        study, line = self._ready.popitem(last=False)
        delivery = line.popleft()
        if line:
            self._ready[study] = line  # to the end: the other studies come first
        self._ready_count -= 1
        self._left(delivery)
        self._taken.add(delivery.id)
        return delivery

    def done(self, delivery: Delivery, now: float) -> None:
        """A delivery that was taken is over; the next one of the same instance may go. One that expired is out."""
        if delivery.id not in self._taken:
            return
        self._taken.remove(delivery.id)
        followers = self._followers.get(delivery.instance.sop_instance_uid)
        if followers:
            self._place(followers.pop(0), now)
        else:
            self._followers.pop(delivery.instance.sop_instance_uid, None)

    def next_due(self) -> float | None:
        """When the first sleeper wakes."""
        return self._sleeping[0][0] if self._sleeping else None

    def wake_all(self, now: float) -> None:
        """Everything is due at once; what failed least goes first, or what fails always would come before the rest."""
        sleepers, self._sleeping = sorted(self._sleeping, key=lambda item: (item[2].attempts, item[1])), []
        for _, _, delivery in sleepers:
            self._place(replace(delivery, due=now), now)

    def expired(self, before: float, now: float) -> list[Delivery]:
        """Take out everything that has waited since before `before`."""
        old = [delivery for delivery in self if delivery.since < before]
        if not old:
            return []
        numbers = {delivery.id for delivery in old}
        keep = [delivery for delivery in self if delivery.id not in numbers]
        in_flight = self._followers.keys() - {delivery.instance.sop_instance_uid for delivery in self._heads()}
        self._ready.clear()
        self._sleeping.clear()
        self._kinds.clear()
        self._ready_count = 0
        self._followers = dict.fromkeys(in_flight)
        for delivery in sorted(keep, key=lambda item: (item.instance.id, item.id)):
            self.add(delivery, now)
        return old

    def _heads(self) -> Iterator[Delivery]:
        for line in self._ready.values():
            yield from line
        for _, _, delivery in self._sleeping:
            yield delivery

    def __iter__(self) -> Iterator[Delivery]:
        """Everything that waits, in no order."""
        yield from self._heads()
        for followers in self._followers.values():
            yield from followers or ()

    def _place(self, delivery: Delivery, now: float, *, first: bool = False) -> None:
        if delivery.due > now:
            heapq.heappush(self._sleeping, (delivery.due, delivery.id, delivery))
            return
        instance = delivery.instance
        line = self._ready.setdefault(instance.study or f"{instance.calling_ae_title}@{instance.peer_host}", deque())
        if first:
            line.appendleft(delivery)
        else:
            line.append(delivery)
        self._ready_count += 1

    def wake(self, now: float) -> None:
        """Make ready what is due."""
        while self._sleeping and self._sleeping[0][0] <= now:
            self._place(heapq.heappop(self._sleeping)[2], now)

    def _left(self, delivery: Delivery) -> None:
        kind = _kind(delivery)
        self._kinds[kind] -= 1
        if not self._kinds[kind]:
            del self._kinds[kind]


def _kind(delivery: Delivery) -> tuple[str, str]:
    return delivery.instance.sop_class_uid, delivery.instance.transfer_syntax_uid
