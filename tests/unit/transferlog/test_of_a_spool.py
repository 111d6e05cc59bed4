# SPDX-License-Identifier: Apache-2.0
"""The transfer log of a spool that is at work: what a question sees, and what dead letters leave in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.spool.records import Delivery, Planned, State
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog.log import TransferLog
from dromos_gateway.transferlog.questions import Answer, Question, Transfer
from tests.unit.gateway.records import instance
from tests.unit.transferlog.fronts import front

A, B = "default/a", "default/b"


class Running:
    """A spool with its log."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder, None)
        self.spool.recover(2000.0)
        self.log = TransferLog(self.spool, Configuration({}, {}, (), ""), lambda: 2000.0)
        self.arrived: list[Delivery] = []
        self.spool.arrived = self.arrived.extend

    async def keep(self, *destinations: str) -> list[Delivery]:
        incoming = self.spool.begin(b"head")
        incoming.write(memoryview(front()))
        item = replace(instance(1), size=incoming.size, data_set_offset=4)
        answer: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        plan = [Planned(destination, State.Waiting) for destination in destinations]
        self.spool.keep(incoming, item, plan, answer.set_result, alone=True)
        assert await answer is None
        taken, self.arrived[:] = list(self.arrived), []
        return taken

    async def rows(self) -> dict[int, str]:
        found: dict[int, str] = {}

        def show(answer: Answer[Transfer]) -> str:
            found.update({row.id: row.verdict for row in answer.found})
            return ""

        await self.log.transfers(Question(), show)
        return found


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path / "spool")
    if running.spool._slots._making is not None:
        await running.spool._slots._making
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
