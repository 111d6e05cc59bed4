# SPDX-License-Identifier: Apache-2.0
"""The transfer log of a spool that is at work: what a question sees, and what dead letters leave in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dromos_gateway.configuration.settings import Configuration, NodeSettings, TransferLogSettings
from dromos_gateway.spool.records import Delivery, Planned, State
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog import log as transferlog
from dromos_gateway.transferlog.log import TransferLog
from dromos_gateway.transferlog.questions import Answer, Question, SeriesAtDestination, Transfer
from dromos_gateway.transferlog.references import Policy
from tests.unit.gateway.records import instance
from tests.unit.notifications.reports import DESTINATION
from tests.unit.transferlog.fronts import front
from tests.wire.spool.test_promises import killed

A, B = "default/a", "default/b"
EXCLUDED = Planned(B, State.Excluded, "the condition is not met")


class Running:
    """A spool with its log."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder, None)
        self.log = TransferLog(self.spool, Configuration({}, {}, (), ""), lambda: 2000.0)
        self.log.recorder.policy = Policy({}, frozenset({A}))
        self.spool.recover(2000.0)
        self.arrived: list[Delivery] = []
        self.spool.arrived = self.arrived.extend

    async def ready(self) -> None:
        """Until there are slots."""
        if self.spool._slots._making is not None:
            await self.spool._slots._making

    async def keep(self, *destinations: str) -> list[Delivery]:
        return await self.keep_as([Planned(destination, State.Waiting) for destination in destinations])

    async def keep_as(self, plan: Sequence[Planned]) -> list[Delivery]:
        incoming = self.spool.begin(b"head")
        incoming.write(memoryview(front()))
        item = replace(instance(1), size=incoming.size, data_set_offset=4)
        answer: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.spool.keep(incoming, item, plan, answer.set_result, senders=1)
        assert await answer is None
        taken, self.arrived[:] = list(self.arrived), []
        return taken

    async def rows(self) -> dict[int, str]:
        return {row.id: row.verdict for row in await self.found()}

    async def found(self) -> list[Transfer]:
        found: list[Transfer] = []

        def show(answer: Answer[Transfer]) -> str:
            found.extend(answer.found)
            return ""

        await self.log.transfers(Question(), show)
        return found

    async def series(self, **question: str) -> list[SeriesAtDestination]:
        found: list[SeriesAtDestination] = []

        def show(answer: Answer[SeriesAtDestination]) -> str:
            found.extend(answer.found)
            return ""

        await self.log.series(Question(**question), show)  # type: ignore[arg-type]
        return found


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path / "spool")
    await running.ready()
    yield running
    await running.spool.close()


async def test_a_question_sees_what_was_settled_with_it(running: Running) -> None:
    delivery, _ = await running.keep(A, B)
    running.spool.settle(delivery, State.Delivered, at=2001.0)
    assert await running.rows() == {delivery.id: "Delivered"}


async def test_only_dead_letters_are_discarded_and_revived_in_the_log(running: Running) -> None:
    good, bad = await running.keep(A, B)
    running.spool.settle(good, State.Delivered, at=2001.0)
    running.spool.settle(bad, State.Failed, reason="Refused", message="no", at=2002.0)
    assert await running.rows() == {good.id: "Delivered", bad.id: "Failed"}
    assert not await running.spool.discard(good.id, 2003.0)
    assert await running.spool.revive(good.id, None, 2003.0) is None
    assert await running.rows() == {good.id: "Delivered", bad.id: "Failed"}
    assert await running.spool.discard(bad.id, 2004.0)
    assert await running.rows() == {good.id: "Delivered", bad.id: "Excluded"}


@asynccontextmanager
async def after(folder: Path) -> AsyncIterator[Running]:
    """The next process."""
    running = Running(folder)
    await running.ready()
    try:
        yield running
    finally:
        await running.spool.close()


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("kills", [1, 2])
async def test_a_kill_at_any_time_costs_the_log_nothing_that_is_counted(
    running: Running, *, journal: bool, kills: int
) -> None:
    if not journal:
        running.spool._journal.rest()  # as for what is large
    await running.keep_as([Planned(A, State.Waiting), EXCLUDED])
    left = killed(running.spool, "killed0")
    for again in range(1, kills):
        async with after(left) as second:
            left = killed(second.spool, f"killed{again}")
    async with after(left) as last:
        (waiting,) = last.spool.waiting()
        last.spool.settle(waiting, State.Delivered, at=2001.0)
        totals = await last.spool.totals()
        assert totals[B].excluded == 1
        rows = await last.found()
        assert sorted((row.route.destination, row.verdict) for row in rows) == [(A, "Delivered"), (B, "Excluded")]


async def test_a_study_that_waits_is_known_at_once_whatever_happens(running: Running) -> None:
    running.spool._journal.rest()
    await running.keep(A)
    async with after(killed(running.spool)) as next_one:
        (series,) = await next_one.series(accession_number="A1")
        assert (series.destination, series.waiting) == (A, 1)


async def test_what_is_gone_from_the_disk_is_a_dead_letter_in_the_log_too(running: Running) -> None:
    (delivery,) = await running.keep(A)
    await running.spool.instances()  # the ledger has it
    left = killed(running.spool)
    (left / delivery.instance.file).unlink()
    async with after(left) as next_one:
        (row,) = await next_one.found()
        assert (row.id, row.verdict, row.reason) == (delivery.id, "Failed", "SpoolFileMissing")


async def test_each_forwardnode_of_a_spool_keeps_rows_for_as_long_as_it_says(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one without any ForwardNode forgets nothing meanwhile."""
    monkeypatch.setattr(transferlog, "_PAUSE", 0.01)
    for delivery in await running.keep(A, B):
        running.spool.settle(delivery, State.Delivered, at=1000.0)
    keeping = asyncio.create_task(running.log.keep_small())
    try:
        await asyncio.sleep(0.1)
        assert len(await running.rows()) == 2
        nodes = {
            name: NodeSettings(name, name, (), False, 2**30, 1, 1.0, None, TransferLogSettings(max_age, 1000))
            for name, max_age in (("SHORT", 500.0), ("LONG", 5000.0))
        }
        attached = {key: replace(DESTINATION, key=key, node=node) for key, node in ((A, "SHORT"), (B, "LONG"))}
        running.log.apply(Configuration(nodes, attached, (), ""))
        async with asyncio.timeout(60):
            while len(found := await running.found()) == 2:  # noqa: ASYNC110 - nobody says when
                await asyncio.sleep(0.01)
        assert [row.route.destination for row in found] == [B]
    finally:
        keeping.cancel()
