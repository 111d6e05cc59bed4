# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged because the journal has it: it passes, or gets its rows, and no accident loses it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from dromos_gateway.spool import committer, ledger, recovery, schema, settling
from dromos_gateway.spool.journal import BLOCK
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.records import Delivery, Planned, State
from dromos_gateway.spool.schema import SpoolIncompatible, connect
from dromos_gateway.spool.spool import Spool
from tests.unit.gateway.records import instance

A, B, C = "default/a", "default/b", "default/c"


class Recorder:
    """Notes what a transfer log would hear."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def arrived(self, _connection, _instance, _front, plan, *, stays=True) -> None:
        self.heard.append("arrived " + " ".join(f"{each.destination} {each.state}" for each in plan))

    def settled(self, _connection, delivery, ending) -> None:
        self.heard.append(f"{delivery.destination} {ending.state}")

    def flush(self, _connection) -> None: ...

    def rolled_back(self) -> None:
        self.heard.append("rolled back")


class Running:
    """A spool, and everything that its senders and its deliveries see."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder, None)
        self.spool.recorder = self.recorder = Recorder()
        self.spool.recover(2000.0)
        self.spool.arrived = lambda deliveries: self.arrived.extend(deliveries)
        self.arrived: list[Delivery] = []
        self.statements: list[str] = []
        self.spool.ledger.set_trace_callback(self.statements.append)

    async def keep(self, *plan: Planned, content: bytes = b"data set", number: int = 1, senders: int = 1) -> None:
        """Until it is acknowledged, and not a turn of the loop longer."""
        incoming = self.spool.begin(b"head")
        incoming.write(memoryview(content))
        item = replace(instance(number), size=incoming.size, data_set_offset=4)
        answer: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.spool.keep(incoming, item, plan, answer.set_result, senders=senders)
        if (error := await answer) is not None:
            raise error

    def deliver(self, delivery: Delivery) -> None:
        self.spool.settle(delivery, State.Delivered, at=2001.0)

    async def tell_ledger(self) -> None:
        """Until it has heard of what is due."""
        self.spool._committer._late()
        await self.still()

    async def still(self) -> None:
        """Until no thread is at work on the folder, as on a slow disk: a copy would be of no moment at all."""
        while self.spool._committer._busy or self.spool._slots._making is not None:  # noqa: ASYNC110 - nobody else asks
            await asyncio.sleep(0.001)

    @property
    def rows(self) -> int:
        return sum(text.startswith("INSERT INTO instances") for text in self.statements)

    def content(self, delivery: Delivery) -> bytes:
        return (self.spool.folder / delivery.instance.file).read_bytes()[: delivery.instance.size]


@contextlib.asynccontextmanager
async def running(folder: Path):
    gateway = Running(folder)
    if gateway.spool._slots._making is not None:
        await gateway.spool._slots._making
    try:
        yield gateway
    finally:
        await gateway.spool.close()


def killed(spool: Spool, name: str = "killed") -> Path:
    """What a process leaves that is killed now: all of one moment, though its threads go on while it is copied."""
    copy = spool.folder.parent / name
    for _ in range(200):
        with contextlib.suppress(OSError):  # something went meanwhile
            before = _state(spool.folder)
            shutil.copytree(spool.folder, copy, ignore=shutil.ignore_patterns("*-shm"))
            if _state(spool.folder) == before:
                return copy
        shutil.rmtree(copy, ignore_errors=True)
    raise AssertionError("the spool never comes to rest")


def _state(folder: Path) -> dict[Path, tuple[int, int, int]]:
    found = ((path, path.stat()) for path in folder.rglob("*") if not path.name.endswith("-shm"))
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"


def waiting_for(*destinations: str) -> tuple[Planned, ...]:
    return tuple(Planned(destination, State.Waiting) for destination in destinations)


async def test_what_only_the_journal_has_is_there_after_a_kill(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B), Planned(C, State.Excluded, "a rule"))
        assert gateway.rows == 0
        left = killed(gateway.spool)
    async with running(left) as gateway:
        waiting = list(gateway.spool.waiting())
        assert [each.destination for each in waiting] == [A, B]
        assert {gateway.content(each) for each in waiting} == {b"headdata set"}
        assert waiting[0].since == 1000.0
        assert gateway.spool.space.used == 12
        totals = await gateway.spool.totals()
        assert (totals[A].waiting, totals[C].excluded, await gateway.spool.instances()) == (1, 1, 1)
        gateway.spool._committer._late()
        assert gateway.recorder.heard == [f"arrived {A} Waiting {B} Waiting {C} Excluded"]
        await gateway.keep(*waiting_for(A))
        assert gateway.arrived[0].instance.id > waiting[0].instance.id
    async with running(left) as gateway:
        assert len(list(gateway.spool.waiting())) == 3, "nothing comes twice"


async def test_what_is_delivered_at_once_never_has_a_row(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A, B), Planned(C, State.Excluded, "a rule"))
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


async def test_a_recovery_that_is_broken_off_begins_again(folder, monkeypatch):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        await gateway.keep(*waiting_for(A), number=2)
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
        assert [gateway.content(each) for each in gateway.spool.waiting()] == [b"headdata set"] * 2
        assert len(list((left / "objects").iterdir())) == 2


@pytest.fixture
def failing(monkeypatch):
    """Lets syncs of a descriptor fail."""
    refused: set[int] = set()
    fdatasync = os.fdatasync

    def sync(descriptor: int) -> None:
        if descriptor in refused:
            raise OSError(5, "Input/output error")
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", sync)
    return refused


async def test_a_journal_that_fails_costs_nobody_anything(folder, failing):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        failing.add(gateway.spool._journal._descriptor)
        await gateway.keep(*waiting_for(A), number=2)  # the ledger takes it, with the one before
        assert gateway.rows == 2
        assert not gateway.spool._journal.usable, "it rests"
        await gateway.keep(*waiting_for(A), number=3)
        left = killed(gateway.spool)
        failing.clear()
        gateway.spool._journal.resume()
        await gateway.keep(*waiting_for(A), number=4)
        assert gateway.rows == 3, "the journal has it"
        later = killed(gateway.spool, "later")
    for path, uids in ((left, "123"), (later, "1234")):
        async with running(path) as gateway:
            assert [each.instance.sop_instance_uid for each in gateway.spool.waiting()] == [f"1.9.{n}" for n in uids]


async def test_what_was_promised_waits_for_a_ledger_that_fails(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        gateway.spool.ledger.execute("PRAGMA query_only = 1")
        assert await gateway.spool.instances() == 0, "it tells what it knows"
        with pytest.raises(sqlite3.OperationalError):
            await gateway.keep(*waiting_for(A), number=2)  # nothing more is promised meanwhile
        left = killed(gateway.spool)
        gateway.spool.ledger.execute("PRAGMA query_only = 0")
        await gateway.keep(*waiting_for(A), number=3)
        assert await gateway.spool.instances() == 2
        assert gateway.spool.space.used == 24
    async with running(left) as gateway:
        assert [each.instance.sop_instance_uid for each in gateway.spool.waiting()] == ["1.9.1"]


async def test_the_ledger_fails_until_the_gateway_stops(folder):
    gateway = Running(folder)
    await gateway.keep(*waiting_for(A))
    gateway.spool.ledger.execute("PRAGMA query_only = 1")
    await gateway.spool.close()
    async with running(folder) as gateway:
        assert [gateway.content(each) for each in gateway.spool.waiting()] == [b"headdata set"]


async def test_an_object_whose_slot_fails_gets_another_file_by_that_name(folder, monkeypatch):
    def fails(*_) -> None:
        raise OSError(5, "Input/output error")

    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        (to_a,) = gateway.arrived
        slot = (folder / to_a.instance.file).stat().st_ino
        with monkeypatch.context() as broken:
            broken.setattr(settling, "_sync", fails)
            broken.setattr(settling, "write_synced", fails)
            assert await gateway.spool.instances() == 0
        assert await gateway.spool.instances() == 1  # a sync that succeeds now says nothing of what was lost
        assert (folder / to_a.instance.file).stat().st_ino != slot
        assert gateway.content(to_a) == b"headdata set"
        gateway.deliver(to_a)
        gateway.spool._committer._late()
        await gateway.keep(*waiting_for(A), content=b"another", number=2)
        assert gateway.content(gateway.arrived[1]) == b"headanother", "no slot writes into a file that is gone"


async def test_what_finds_no_room_in_the_ring_goes_to_the_ledger(folder):
    async with running(folder) as gateway:
        gateway.spool._journal._size = 4 * BLOCK
        for number in range(1, 6):
            await gateway.keep(*waiting_for(A), content=bytes(2 * BLOCK), number=number)
        assert gateway.rows >= 2
        left = killed(gateway.spool)
    async with running(left) as gateway:
        assert [each.instance.sop_instance_uid for each in gateway.spool.waiting()] == [f"1.9.{n}" for n in range(1, 6)]


async def test_a_spool_of_the_version_without_a_journal_is_taken_up(folder):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A))
        await gateway.spool.instances()
    connection = sqlite3.connect(folder / "ledger.sqlite")
    connection.executescript("DROP TABLE journal; PRAGMA user_version = 2;")
    connection.close()
    (folder / "journal").unlink()
    async with running(folder) as gateway:
        assert len(list(gateway.spool.waiting())) == 1
        await gateway.keep(*waiting_for(A), number=2)
        left = killed(gateway.spool)
    async with running(left) as gateway:
        assert len(list(gateway.spool.waiting())) == 2


def test_a_spool_of_a_later_version_is_left_alone(tmp_path):
    connect(tmp_path / "ledger.sqlite").close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(SpoolIncompatible):
        connect(tmp_path / "ledger.sqlite")


def test_only_numbers_whose_reservation_lasts_are_given_away_early(tmp_path):
    connection = connect(tmp_path / "ledger.sqlite")
    numbers = Numbers(connection, 0)
    assert numbers.take_reserved() is None
    connection.execute("BEGIN")
    assert numbers.take(connection) == 1
    assert numbers.take_reserved() is None, "it may yet be rolled back"
    connection.execute("ROLLBACK")
    numbers.rolled_back()
    assert numbers.take_reserved() is None
    connection.execute("BEGIN")
    numbers.provide(connection)
    connection.execute("COMMIT")
    numbers.committed()
    last = numbers.take_reserved()
    assert Numbers(connection, 0).take(connection) > last
    connection.close()


def test_numbers_begin_behind_the_mark(tmp_path):
    connection = connect(tmp_path / "ledger.sqlite")
    assert Numbers(connection, 70_000).take(connection) == 70_001
    connection.close()


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
