# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged because the journal has it: it passes, or gets its rows."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from dataclasses import replace

import pytest

from dromos_gateway.spool import committer, ledger, recovery
from dromos_gateway.spool.records import Planned, State
from dromos_gateway.spool.spool import Spool
from tests.wire.spool.running import A, B, C, killed, running, waiting_for


@pytest.mark.parametrize("content", [b"data set", b"x" * 50_000], ids=["in its record", "in its slot"])
async def test_what_only_the_journal_has_is_there_after_a_kill(folder, content):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B), Planned(C, State.Excluded, "a rule"), content=content)
        assert gateway.rows == 0
        left = killed(gateway.spool)
    async with running(left) as gateway:
        waiting = list(gateway.spool.waiting())
        assert [each.destination for each in waiting] == [A, B]
        assert {(left / each.instance.file).read_bytes() for each in waiting} == {b"head" + content}
        assert waiting[0].since == 1000.0
        assert gateway.spool.space.used == 4 + len(content)
        totals = await gateway.spool.totals()
        assert (totals[A].waiting, totals[C].excluded, await gateway.spool.instances()) == (1, 1, 1)
        gateway.spool._committer._late()
        assert gateway.recorder.heard == [f"arrived {A} Waiting {B} Waiting {C} Excluded"]
        await gateway.keep(*waiting_for(A))
        assert gateway.arrived[0].instance.id > waiting[0].instance.id
    async with running(left) as gateway:
        assert len(list(gateway.spool.waiting())) == 3, "nothing comes twice"


@pytest.mark.parametrize("content", [b"data set", b"x" * 50_000], ids=["in its record", "in its slot"])
async def test_what_is_delivered_at_once_never_has_a_row(folder, content):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B), Planned(C, State.Excluded, "a rule"), content=content)
        for each in gateway.arrived:
            gateway.deliver(each)
        left = killed(gateway.spool)
        totals = await gateway.spool.totals()
        assert gateway.rows == 0
        assert (totals[A].delivered, totals[B].delivered, totals[C].excluded) == (1, 1, 1)
        assert gateway.recorder.heard[1:] == [f"{A} Delivered", f"{B} Delivered"]
        assert gateway.spool.space.used == 0
        assert gateway.spool._keeping.blank()
        gateway.spool._slots.blank()
        assert not any(path.read_bytes().strip(b"\0") for path in (folder / "slots").iterdir())
        assert not (folder / "journal").read_bytes().strip(b"\0")
    async with running(left) as gateway:
        waiting = list(gateway.spool.waiting())
        assert [gateway.spool.delivered_before(each) for each in waiting] == [2001.0, 2001.0], "the notes know of it"
    async with running(folder) as gateway:
        assert list(gateway.spool.waiting()) == []


async def test_the_journal_shows_nothing_a_moment_after(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        gateway.deliver(gateway.arrived[0])
        for _ in range(200):
            await asyncio.sleep(0.05)
            if not (folder / "journal").read_bytes().strip(b"\0"):
                break
        else:
            raise AssertionError("it still shows what was delivered")


async def test_what_one_destination_still_waits_for_gets_its_row(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B))
        gateway.deliver(gateway.arrived[0])
        assert await gateway.spool.instances() == 1
        left = killed(gateway.spool)
    async with running(left) as gateway:
        (waiting,) = gateway.spool.waiting()
        assert (waiting.destination, gateway.content(waiting)) == (B, b"headdata set")


async def test_the_ledger_hears_of_nothing_that_may_be_over_soon(folder):
    async with running(folder) as gateway:
        for number in (1, 2, 3):
            await gateway.keep(*waiting_for(A), number=number)
        first, second, third = gateway.arrived
        gateway.deliver(first)
        gateway.deliver(third)
        await gateway.tell_ledger()
        assert gateway.recorder.heard == [f"arrived {A} Waiting", f"{A} Delivered"], "the first one"
        left = killed(gateway.spool)
        gateway.deliver(second)
        await gateway.tell_ledger()
        assert gateway.recorder.heard[2:] == [f"arrived {A} Waiting"] * 2 + [f"{A} Delivered"] * 2
        assert gateway.rows == 0
        assert (await gateway.spool.totals())[A].delivered == 3
    async with running(left) as gateway:
        one, other = gateway.spool.waiting()
        assert gateway.spool.delivered_before(one) is None
        assert gateway.spool.delivered_before(other) == 2001.0


async def test_what_is_not_over_before_long_gets_its_row_and_what_came_later_none(folder, monkeypatch):
    async with running(folder) as gateway:
        for number in (1, 2):
            await gateway.keep(*waiting_for(A), number=number)
        gateway.deliver(gateway.arrived[1])
        monkeypatch.setattr(committer, "_HOPE", 0.0)
        await gateway.tell_ledger()
        assert gateway.rows == 1
        assert (await gateway.spool.totals())[A].waiting == 1


async def test_attempts_and_dead_letters_of_what_only_the_journal_has_are_kept(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B, C))
        to_a, to_b, _ = gateway.arrived
        gateway.spool.reschedule(replace(to_a, attempts=2, due=3000.0, last_error="A700"), 2001.0)
        gateway.spool.settle(replace(to_b, attempts=1), State.Failed, reason="RefusedByPeer", message="C123", at=2001.0)
        assert await gateway.spool.bury_destination(C, reason="DestinationDeleted", message="deleted", at=2002.0) == 1
        left = killed(gateway.spool)
    async with running(left) as gateway:
        (waiting,) = gateway.spool.waiting()
        assert (waiting.destination, waiting.attempts, waiting.last_error) == (A, 2, "A700")
        failures = {each.destination: each.reason for each in await gateway.spool.failures()}
        assert failures == {B: "RefusedByPeer", C: "DestinationDeleted"}


async def test_figures_see_what_only_the_journal_has(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        assert (await gateway.spool.totals())[A].waiting == 1
        await gateway.keep(*waiting_for(A), number=2)
        assert await gateway.spool.instances() == 2
        await gateway.keep(*waiting_for(A), number=3)
        gateway.spool.settle(gateway.arrived[2], State.Failed, reason="RefusedByPeer", at=2001.0)
        assert [each.reason for each in await gateway.spool.failures()] == ["RefusedByPeer"]


@pytest.mark.parametrize("content", [b"data set", b"x" * 50_000], ids=["in its record", "in its slot"])
async def test_a_recovery_that_is_broken_off_begins_again(folder, monkeypatch, content):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A), content=content)
        await gateway.keep(*waiting_for(A), content=content, number=2)
        left = killed(gateway.spool)
    calls = itertools.count()

    def add(*arguments):
        if next(calls) == 1:
            raise sqlite3.OperationalError("disk I/O error")
        return ledger_add(*arguments)

    ledger_add = ledger.add
    with monkeypatch.context() as broken:
        broken.setattr(recovery.ledger, "add", add)
        spool = Spool(left, None)
        with pytest.raises(sqlite3.OperationalError):
            spool.recover(2000.0)
        await spool.close()
    async with running(left) as gateway:
        files = [each.instance.file for each in gateway.spool.waiting()]
        assert [(left / file).read_bytes() for file in files] == [b"head" + content] * 2
        assert {f"objects/{path.name}" for path in (left / "objects").iterdir()} <= set(files), "nothing is left over"
