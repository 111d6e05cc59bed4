# SPDX-License-Identifier: Apache-2.0
"""Any course of events: nothing that was promised is missing after it."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dromos_gateway.spool import committer
from dromos_gateway.spool.records import State
from tests.wire.spool.running import A, B, Running, killed, running, waiting_for


class Model:
    """Whatever happens to a spool, in any order, and what must be there afterwards."""

    def __init__(self, chance: Random, gateway: Running) -> None:
        self.chance = chance
        self.gateway = gateway
        self.number = 0
        self.promised: dict[str, bytes] = {}
        self.ended: dict[tuple[str, str], State] = {}
        self.refused: set[str] = set()

    async def keep(self) -> None:
        self.number += 1
        uid, content = f"1.9.{self.number}", self.chance.randbytes(self.chance.choice((10, 9000, 50_000)))
        try:
            senders = self.chance.choice((1, 2, 16))  # the last of them in a thread
            await self.gateway.keep(*waiting_for(A, B), content=content, number=self.number, senders=senders)
        except (OSError, sqlite3.Error):
            self.refused.add(uid)
        else:
            self.promised[uid] = b"head" + content

    async def end(self) -> None:
        if self.gateway.arrived:
            delivery = self.gateway.arrived.pop(self.chance.randrange(len(self.gateway.arrived)))
            state = self.chance.choice((State.Delivered, State.Delivered, State.Failed))
            self.gateway.spool.settle(delivery, state, at=2001.0)
            self.ended[delivery.instance.sop_instance_uid, delivery.destination] = state

    async def postpone(self) -> None:
        for delivery in self.gateway.arrived[:1]:
            self.gateway.spool.reschedule(replace(delivery, attempts=1, last_error="no answer"), 2001.0)

    async def tell(self) -> None:
        committer._HOPE = self.chance.choice((0.0, 3600.0))
        self.gateway.spool._committer._late()

    async def rest(self) -> None:
        await asyncio.sleep(0)

    async def ledger_fails(self) -> None:
        self.gateway.spool.ledger.execute(f"PRAGMA query_only = {self.chance.choice((0, 0, 1))}")

    async def check(self, left: Path) -> None:
        """Of what was promised nothing is missing; what was delivered is known to be."""
        async with running(left) as gateway:
            waiting = {(each.instance.sop_instance_uid, each.destination): each for each in gateway.spool.waiting()}
            failed = {(each.sop_instance_uid, each.destination) for each in await gateway.spool.failures()}
            for key in itertools.product(self.promised, (A, B)):
                state = self.ended.get(key)
                if state is None:
                    assert key in waiting
                elif state is State.Failed:
                    assert key in failed or key in waiting
                else:
                    assert key not in waiting or gateway.spool.delivered_before(waiting[key]) is not None
            for (uid, _), delivery in waiting.items():
                assert uid in self.promised or uid in self.refused
                assert uid in self.refused or gateway.content(delivery) == self.promised[uid]


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_that_was_promised_is_missing_after_any_course_of_events(folder, seed, monkeypatch):
    chance = Random(seed)
    monkeypatch.setattr(committer, "_HOPE", 0.2)
    async with running(folder) as gateway:
        model = Model(chance, gateway)
        steps = (
            [model.keep] * 5
            + [model.end] * 5
            + [model.postpone, model.tell, model.tell, model.rest, model.ledger_fails]
        )
        for number in range(60):
            await chance.choice(steps)()
            if number % 20 == 19:
                await gateway.still()
                await model.check(killed(gateway.spool, f"killed-{number}"))
        gateway.spool.ledger.execute("PRAGMA query_only = 0")
        model.number += 1
        await gateway.keep(*waiting_for(A), content=bytes(50_000), number=model.number)  # it goes on
        assert (await gateway.spool.totals())[A].waiting > 0
