# SPDX-License-Identifier: Apache-2.0
"""A lane that stumbles: what lies behind goes back, and so does what its owner sent before it heard of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace

from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.messages import Ended, Kind, Load, Parcel, Report, Returned
from dromos_gateway.delivery.outcome import Sent
from dromos_gateway.delivery.stowcarrier import StowCarrier

LANE = 7


def parcels(*keys: int) -> tuple[Parcel, ...]:
    return tuple(Parcel(key, "/nowhere", 0, 1, "1.2", f"1.2.{key}", "1.2", 1) for key in keys)


class Clumsy(Carrying):
    """Carries all but those whose turn comes while it shall stumble."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.carried: list[int] = []
        self.stumbling = False
        super().__init__(LANE, self.reports.append)

    def open(self, kinds: tuple[Kind, ...]) -> None:
        pass

    async def _carry(self) -> None:
        parcel = self._parcels.popleft()
        await asyncio.sleep(0)
        if self.stumbling:
            self._stumble()
        else:
            self.carried.append(parcel.key)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError


async def test_what_was_sent_before_the_failure_was_known_goes_back_untried() -> None:
    lane = Clumsy()
    lane.load(Load(LANE, parcels(1), ()))
    await settled()
    lane.stumbling = True
    lane.load(Load(LANE, parcels(2, 3, 4), ()))
    await settled()
    assert lane.reports == [Returned(LANE, (3, 4), stumbled=True)]
    lane.stumbling = False
    lane.load(Load(LANE, parcels(5, 6), ()))  # on its way when the lane stumbled
    await settled()
    assert lane.reports[1:] == [Returned(LANE, (5, 6))]
    assert lane.carried == [1]
    lane.load(Load(LANE, parcels(7), (), stumbles=1))
    lane.release()
    await settled()
    assert lane.carried == [1, 7]
    assert lane.reports[2:] == [Ended(LANE)]


async def test_a_failure_with_nothing_behind_it_is_said_too() -> None:
    lane = Clumsy()
    lane.stumbling = True
    lane.load(Load(LANE, parcels(1), ()))
    await settled()
    assert lane.reports == [Returned(LANE, (), stumbled=True)]
    lane.abort()
    await settled()
    assert lane.reports[1:] == [Ended(LANE)]


async def test_what_is_recalled_is_not_begun_any_more() -> None:
    lane = Clumsy()
    lane.load(Load(LANE, parcels(1, 2, 3), ()))
    await until(lambda: len(lane._parcels) == 2)  # the first is under way
    lane.recall()
    lane.load(Load(LANE, parcels(4), ()))  # on its way when it was recalled
    await settled()
    assert lane.carried == [1]
    assert lane.reports == [Returned(LANE, (2, 3), stumbled=True), Returned(LANE, (4,))]
    lane.load(Load(LANE, parcels(2), (), stumbles=1))
    lane.release()
    await settled()
    assert lane.carried == [1, 2]


async def test_a_batch_that_waits_for_company_is_recalled_too() -> None:
    reports: list[Report] = []
    sent: list[int] = []

    async def send(attempts: Sequence[object]) -> list[Sent]:
        sent.append(len(attempts))
        return [Sent()] * len(attempts)

    client = SimpleNamespace(most_instances=50, most_bytes=1000, send=send)
    lane = StowCarrier(LANE, client, reports.append)  # type: ignore[arg-type]
    lane.load(Load(LANE, parcels(1), ()))
    await until(lambda: bool(reports))
    lane.load(Load(LANE, parcels(2, 3), ()))
    await settled()
    lane.recall()
    lane.release()
    async with asyncio.timeout(5):
        await lane._task
    assert reports[1:] == [Returned(LANE, (2, 3), stumbled=True), Ended(LANE)]
    assert sent == [1]
