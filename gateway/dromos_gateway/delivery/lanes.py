# SPDX-License-Identifier: Apache-2.0
"""The lanes to one destination as the main process sees them: which one takes the next parcel, when one is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

from dromos_gateway.configuration.settings import PeerSettings, StowSettings
from dromos_gateway.delivery.messages import (
    Abort,
    Done,
    Ended,
    Kind,
    Load,
    Open,
    Opened,
    Parcel,
    Recall,
    Release,
    Returned,
)
from dromos_gateway.delivery.outbox import Listener, Outbox
from dromos_gateway.spool.records import Delivery

MOST_KINDS = 128  # presentation contexts of one association (PS3.8 9.3.2.2)


@dataclass(frozen=True, slots=True)
class Window:
    """How much a lane is given at a time."""

    parcels: int
    heavy: int  # bytes under way behind which nothing is queued: another lane may be free first
    enough: int  # parcels for which a further lane is worth while


_ONE_BY_ONE = Window(2, 4 * 1024 * 1024, 1)  # an association: one parcel under way, one at hand
_IN_BATCHES = Window(100, 64 * 1024 * 1024, 50)  # a request takes what is there


@dataclass(slots=True, eq=False)
class Lane:
    """One association, or an attempt at one."""

    number: int
    connected: bool = False
    opening: bool = False
    retiring: bool = False  # it takes no more
    offered: frozenset[Kind] = frozenset()
    carrying: dict[int, Delivery] = field(default_factory=dict)
    bytes: int = 0
    stumbles: int = 0
    idle_since: float = inf
    loaded: list[Parcel] = field(default_factory=list)  # not yet ordered
    window: Window = _ONE_BY_ONE

    @property
    def has_room(self) -> bool:
        """Whether another parcel may follow."""
        return not self.carrying or (len(self.carrying) < self.window.parcels and self.bytes < self.window.heavy)


class Lanes:
    """At most `limit` of them that take parcels; others may still be finishing."""

    def __init__(self, outbox: Outbox, listener: Listener) -> None:
        self._outbox = outbox
        self._listener = listener
        self._lanes: dict[int, Lane] = {}

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    @property
    def in_flight(self) -> int:
        """Parcels that have no outcome yet."""
        return sum(len(lane.carrying) for lane in self._lanes.values())

    @property
    def connected(self) -> int:
        """Open associations."""
        return sum(lane.connected for lane in self._lanes.values())

    def for_next(
        self, peer: PeerSettings | StowSettings, ready: int, limit: int, kinds: Callable[[], list[Kind]]
    ) -> Lane | None:
        """The lane that takes the next of `ready` parcels; further lanes are opened where there is work for them.

        Many peers serve one association at a time. A parcel given to the second would wait for the first to end, so
        only the first lane gets one before its association stands.
        """
        lanes = [lane for lane in self._lanes.values() if not lane.retiring]
        connected = [lane for lane in lanes if lane.connected]
        if not connected:
            return self._first(peer, lanes, limit)
        work = ready + sum(len(lane.carrying) for lane in lanes)
        enough = lanes[0].window.enough if any(lane.has_room for lane in lanes) else 1
        for _ in range(min(limit, -(-work // enough)) - len(lanes)):
            further = self._begin(peer)
            if not further.connected:
                further.opening, further.offered = True, frozenset(kinds()[:MOST_KINDS])
                self._outbox.post(Open(further.number, tuple(further.offered)))
        best = min(connected, key=lambda lane: len(lane.carrying))
        return best if best.has_room else None

    def load(self, lane: Lane, delivery: Delivery, parcel: Parcel) -> None:
        """Put a parcel into a lane; `dispatch` sends it off."""
        lane.carrying[delivery.id] = delivery
        lane.bytes += parcel.size
        lane.loaded.append(parcel)

    def dispatch(self, kinds: Callable[[], list[Kind]]) -> None:
        """Send off what was loaded, with the kinds that wait where a lane was not opened for them."""
        for lane in self._lanes.values():
            if not lane.loaded:
                continue
            parcels, lane.loaded = tuple(lane.loaded), []
            own = [(parcel.sop_class_uid, parcel.transfer_syntax_uid) for parcel in parcels]
            others: tuple[Kind, ...] = ()
            if not lane.connected or not lane.offered.issuperset(own):
                others = tuple(dict.fromkeys([*own, *kinds()]))[:MOST_KINDS]
                lane.offered = frozenset(others)
            self._outbox.post(Load(lane.number, parcels, others, lane.stumbles))

    def done(self, report: Done, now: float) -> Delivery | None:
        """Take a parcel out of its lane; None when nobody waits for it any longer."""
        lane = self._lanes.get(report.lane)
        delivery = lane.carrying.pop(report.key, None) if lane is not None else None
        if lane is not None:
            lane.connected = report.connected
            lane.bytes -= delivery.instance.size if delivery is not None and lane.carrying else lane.bytes
            lane.idle_since = now
        return delivery

    def returned(self, report: Returned) -> list[Delivery]:
        """Take back what was not tried."""
        lane = self._lanes.get(report.lane)
        if lane is None:
            return []
        lane.stumbles += report.stumbled
        back = [delivery for key in report.keys if (delivery := lane.carrying.pop(key, None)) is not None]
        if not lane.carrying:
            lane.bytes = 0
        return back

    def opened(self, report: Opened, now: float) -> Lane | None:
        """An attempt to open a further lane came back; the lane when it failed, and is forgotten."""
        lane = self._lanes.get(report.lane)
        if lane is None:
            return None
        lane.opening, lane.connected = False, report.error is None
        if lane.connected:
            lane.idle_since = now
            return None
        self.retire(lane)
        return lane

    def recall(self) -> None:
        """Have everything back that is not begun."""
        for lane in self._lanes.values():
            self._outbox.post(Recall(lane.number))

    def retire(self, lane: Lane) -> None:
        """Let it finish and end in order."""
        if not lane.retiring:
            lane.retiring = True
            self._outbox.post(Release(lane.number))

    def abort(self) -> list[Delivery]:
        """End them all at once; what they carried."""
        left: list[Delivery] = []
        for lane in self:
            self._outbox.post(Abort(lane.number))
            left += lane.carrying.values()
            lane.carrying.clear()
            lane.retiring = True
        return left

    def ended(self, report: Ended) -> list[Delivery]:
        """A lane is gone; what it still carried."""
        lane = self._lanes.pop(report.lane, None)
        self._outbox.forget(report.lane)
        return list(lane.carrying.values()) if lane is not None else []

    def lost(self) -> list[Delivery]:
        """All are gone; what they carried."""
        lanes, self._lanes = self._lanes, {}
        return [delivery for lane in lanes.values() for delivery in lane.carrying.values()]

    def _first(self, peer: PeerSettings | StowSettings, lanes: list[Lane], limit: int) -> Lane | None:
        if not limit or any(lane.carrying or lane.opening for lane in lanes):
            return None
        return lanes[0] if lanes else self._begin(peer)

    def _begin(self, peer: PeerSettings | StowSettings) -> Lane:
        lane = Lane(self._outbox.begin(peer, self._listener))
        if isinstance(peer, StowSettings):  # each request stands for itself
            lane.connected, lane.window = True, _IN_BATCHES
        self._lanes[lane.number] = lane
        return lane
