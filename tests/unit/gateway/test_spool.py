# SPDX-License-Identifier: Apache-2.0
"""Files and rows: what is kept, what is swept, what is reported."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dromos_gateway.spool import ledger, slots
from dromos_gateway.spool.records import Planned, State
from dromos_gateway.spool.schema import SpoolIncompatible
from dromos_gateway.spool.spool import Spool, SpoolBusy
from tests.unit.gateway.records import instance

A, B = "default/a", "default/b"
VERSION_1 = """
CREATE TABLE instances (
  id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL, size INTEGER NOT NULL, data_set_offset INTEGER NOT NULL,
  sop_class_uid TEXT NOT NULL, sop_instance_uid TEXT NOT NULL, transfer_syntax_uid TEXT NOT NULL, study TEXT NOT NULL,
  calling_ae_title TEXT NOT NULL, called_ae_title TEXT NOT NULL, peer_host TEXT NOT NULL, node TEXT NOT NULL,
  received_at REAL NOT NULL
);
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, instance INTEGER NOT NULL REFERENCES instances (id), destination TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, since REAL NOT NULL, changed_at REAL NOT NULL
);
CREATE INDEX deliveries_of_instance ON deliveries (instance);
CREATE INDEX deliveries_failed ON deliveries (destination) WHERE state = 'Failed';
INSERT INTO instances VALUES (7, 'a.dcm', 12, 4, '1.2', '1.2.3', '1.2.840.10008.1.2', '', 'CT1', 'D', 'h', 'n/n', 1);
INSERT INTO deliveries VALUES (11, 7, 'default/a', 'Failed', 'RefusedByPeer', 'C123', 3, 1, 1, 1);
INSERT INTO deliveries VALUES (12, 7, 'default/b', 'Waiting', '', 'A700', 2, 1, 1, 1);
INSERT INTO deliveries VALUES (13, 7, 'default/c', 'Delivered', '', '', 1, 1, 1, 1);
PRAGMA user_version = 1;
"""


@pytest.fixture(autouse=True)
def a_few_slots(monkeypatch):
    """As many as these tests need: a gateway makes more."""
    monkeypatch.setattr(slots, "_AT_FIRST", {slots.SMALL: 32, slots.MEDIUM: 4})


@asynccontextmanager
async def opened(folder, limit=None):
    spool = Spool(folder, limit)
    try:
        spool.recover(2000.0)
        yield spool
    finally:
        await spool.close()


async def keep(spool, *plan, content=b"data set", number=1):
    """Keep an instance; where its object is, relative to the spool's folder (None: nowhere)."""
    before = set(ledger.files(spool._writer))
    incoming = spool.begin(b"head")
    incoming.write(memoryview(content))
    item = replace(instance(number), size=incoming.size, data_set_offset=4)
    await kept(spool, incoming, item, plan)
    await spool.instances()  # the ledger hears of what only the journal has
    return next(iter(ledger.files(spool._writer).keys() - before), None)


async def kept(spool, incoming, item, plan):
    """Wait until an instance is durable."""
    future = asyncio.get_running_loop().create_future()
    spool.keep(incoming, item, plan, lambda error: future.set_exception(error) if error else future.set_result(None))
    await future


async def settled(spool):
    """Wait until every ending is in the ledger."""
    spool._committer._late()
    await spool.bury_destination("none", reason="", message="", at=0)  # comes after what was there before
    await spool._background.over()  # files go a moment later
    spool._slots.blank()


async def filled(spool):
    """Wait until there are slots."""
    if spool._slots._making is not None:
        await spool._slots._making


def objects(folder):
    """Files that are not blank."""
    return sorted(
        str(path.relative_to(folder))
        for part in ("incoming", "objects", "slots")
        for path in (folder / part).iterdir()
        if path.read_bytes().strip(b"\0")
    )


def waiting_for(*destinations):
    return tuple(Planned(destination, State.Waiting) for destination in destinations)


async def test_an_object_is_stored_once_and_goes_with_the_last_destination(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        name = await keep(spool, *waiting_for(A, B))
        assert (tmp_path / name).read_bytes()[:12] == b"headdata set"
        assert [item.destination for item in arrived] == [A, B]
        spool.settle(arrived[0], State.Delivered, at=2001.0)
        await settled(spool)
        assert objects(tmp_path) == [name]
        spool.settle(arrived[1], State.Delivered, at=2002.0)
        await settled(spool)
        assert objects(tmp_path) == []
        totals = await spool.totals()
        assert (totals[A].delivered, totals[A].waiting, totals[A].last_transfer) == (1, 0, 2001.0)
        await asyncio.sleep(0)
        assert spool.space.used == 0


async def test_waiting_and_failed_survive_a_restart(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        name = await keep(spool, *waiting_for(A, B))
        spool.settle(replace(arrived[0], attempts=3), State.Failed, reason="RefusedByPeer", message="C123", at=2001.0)
        spool.reschedule(replace(arrived[1], attempts=2, due=3000.0, last_error="A700 out of resources"), 2001.0)
    async with opened(tmp_path) as spool:
        (left,) = spool.waiting()
        assert (left.destination, left.attempts, left.due, left.last_error) == (B, 2, 3000.0, "A700 out of resources")
        (failure,) = await spool.failures()
        assert (failure.destination, failure.reason, failure.message, failure.attempts) == (
            A,
            "RefusedByPeer",
            "C123",
            3,
        )
        assert spool.space.used == 12
        assert objects(tmp_path) == [name]


async def test_recovery_sweeps_what_was_never_acknowledged(tmp_path):
    async with opened(tmp_path) as spool:
        (tmp_path / "incoming" / "half").write_bytes(b"a crash in the middle")
        (tmp_path / "slots" / "half.dcm").write_bytes(b"likewise")
        (tmp_path / "objects" / "orphan.dcm").write_bytes(b"renamed, but no row yet")
        name = await keep(spool, *waiting_for(A))
    async with opened(tmp_path):
        assert objects(tmp_path) == [name]


@pytest.mark.parametrize(("harm", "reason"), [("gone", "SpoolFileMissing"), ("short", "SpoolFileDamaged")])
async def test_a_row_without_its_whole_file_is_reported(tmp_path, harm, reason):
    async with opened(tmp_path) as spool:
        path = tmp_path / await keep(spool, *waiting_for(A))
    path.unlink() if harm == "gone" else path.write_bytes(b"he")
    async with opened(tmp_path) as spool:
        assert list(spool.waiting()) == []
        (letter,) = await spool.failures()
        assert letter.reason == reason
        assert await spool.discard(letter.id, 2001.0)
        assert spool.space.used == 0


async def test_without_its_ledger_a_spool_with_objects_is_left_alone(tmp_path):
    async with opened(tmp_path) as spool:
        name = await keep(spool, *waiting_for(A))
        spool._slots.trim(name, 12)
    (tmp_path / name).rename(tmp_path / "objects" / "acknowledged.dcm")
    for left in tmp_path.glob("ledger.sqlite*"):
        left.unlink()
    with pytest.raises(SpoolIncompatible, match="its ledger is gone"):
        Spool(tmp_path, None)
    assert objects(tmp_path) == ["objects/acknowledged.dcm"]


async def test_what_every_destination_excludes_is_counted_and_not_kept(tmp_path):
    async with opened(tmp_path) as spool:
        await keep(spool, Planned(A, State.Excluded, "destination disabled"))
        assert objects(tmp_path) == []
        assert (await spool.totals())[A].excluded == 1
        assert spool.space.used == 0


async def test_dead_letters_are_retried_moved_and_discarded(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        names = [await keep(spool, *waiting_for(A), number=number) for number in (1, 2, 3)]
        assert await spool.bury_destination(A, reason="DestinationDeleted", message="destination deleted", at=1.0) == 3
        first, second, third = sorted(item.id for item in await spool.failures())
        arrived.clear()
        assert await spool.revive(first, None, 2.0) is not None
        assert await spool.revive(second, B, 2.0) is not None
        assert [(item.id, item.destination, item.attempts) for item in arrived] == [(first, A, 0), (second, B, 0)]
        assert await spool.revive(first, None, 2.0) is None  # it is no dead letter any more
        assert await spool.discard(third, 3.0)
        assert not await spool.discard(third, 3.0)
        await settled(spool)
        assert objects(tmp_path) == sorted(names[:2])


async def test_one_round_of_syncs_for_many_instances(tmp_path):
    async with opened(tmp_path) as spool:
        before = spool._committer.rounds
        await asyncio.gather(*(keep(spool, *waiting_for(A), number=number) for number in range(1, 101)))
        assert spool._committer.rounds - before < 20
        assert (await spool.totals())[A].waiting == 100


async def test_a_sender_that_goes_away_while_the_commit_runs_loses_nothing(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        task = asyncio.create_task(keep(spool, *waiting_for(A)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await spool.bury_destination("none", reason="", message="", at=0)
        assert task.cancelled()
        assert len(arrived) == 1


async def test_a_disk_that_fails_is_an_error_for_the_sender(tmp_path):
    async with opened(tmp_path) as spool:
        incoming = spool.begin(b"head")
        incoming.write(memoryview(bytes(2 * slots.MEDIUM)))  # more than a slot holds
        incoming.path.unlink()  # the rename must fail
        item = replace(instance(1), size=incoming.size)
        with pytest.raises(OSError):
            await kept(spool, incoming, item, waiting_for(A))
        assert await spool.totals() == {}
        await keep(spool, *waiting_for(A), number=2)  # the next one is served again


@pytest.mark.parametrize("size", [100, slots.SMALL - 4, slots.SMALL, slots.MEDIUM - 4, slots.MEDIUM, 3 * slots.MEDIUM])
@pytest.mark.parametrize("blank", [True, False], ids=["slots", "files"])
async def test_objects_of_every_size_are_kept_byte_for_byte(tmp_path, size, blank):
    content = random.Random(size).randbytes(size)
    async with opened(tmp_path) as spool:
        await filled(spool)
        if not blank:
            spool._slots._free = {slots.SMALL: [], slots.MEDIUM: []}
        incoming = spool.begin(b"head")
        for start in range(0, size, 40_000):
            incoming.write(memoryview(content[start : start + 40_000]))
        await kept(spool, incoming, replace(instance(1), size=incoming.size), waiting_for(A))
        await spool.instances()  # the ledger hears of what only the journal has
        ((name, (_, known)),) = ledger.files(spool._writer).items()
        assert name.startswith("slots/") == (blank and size + 4 <= slots.MEDIUM)
        assert known == size + 4 == spool.space.used
        found = (tmp_path / name).read_bytes()
        assert found[: size + 4] == b"head" + content
        assert not found[size + 4 :].strip(b"\0")


async def test_a_slot_serves_many_objects_and_shows_none_of_the_last(tmp_path):
    async with opened(tmp_path) as spool:
        await filled(spool)
        arrived = []
        spool.arrived = arrived.extend
        for number in range(1, 200):
            size = 30_000 - 100 * number
            name = await keep(spool, *waiting_for(A), content=b"x" * size, number=number)
            assert not (tmp_path / name).read_bytes()[4 + size :].strip(b"\0")
            spool.settle(arrived.pop(), State.Delivered, at=2001.0)
        await settled(spool)
        assert objects(tmp_path) == []
        assert 0 < len(list((tmp_path / "slots").iterdir())) <= 128 + 32


async def test_what_stays_in_a_slot_becomes_a_file_of_its_own(tmp_path):
    async with opened(tmp_path) as spool:
        await filled(spool)
        arrived = []
        spool.arrived = arrived.extend
        tried = await keep(spool, *waiting_for(A))
        spool.reschedule(replace(arrived[0], attempts=1, last_error="no answer"), 2001.0)
        assert (tmp_path / tried).read_bytes() == b"headdata set"
        waits = await keep(spool, *waiting_for(A), number=2)
        assert (tmp_path / waits).stat().st_size == slots.SMALL
    async with opened(tmp_path) as spool:
        assert (tmp_path / waits).read_bytes() == b"headdata set"
        assert {item.instance.file for item in spool.waiting()} == {tried, waits}


async def test_numbers_go_on_after_a_restart_and_old_ledgers_are_taken_up(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        await keep(spool, *waiting_for(A))
        (first,) = arrived
        spool.settle(first, State.Delivered, at=2001.0)
    async with opened(tmp_path) as spool:
        spool.arrived = arrived.extend
        await keep(spool, *waiting_for(A))
        assert arrived[1].instance.id > first.instance.id


async def test_a_ledger_of_version_1_is_taken_up(tmp_path):
    (tmp_path / "objects").mkdir(parents=True)
    (tmp_path / "objects" / "a.dcm").write_bytes(b"headdata set")
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.executescript(VERSION_1)
    connection.close()
    async with opened(tmp_path) as spool:
        (delivery,) = spool.waiting()
        assert (delivery.destination, delivery.attempts, delivery.instance.file) == (B, 2, "objects/a.dcm")
        (failure,) = await spool.failures()
        assert (failure.destination, failure.reason) == (A, "RefusedByPeer")
        assert {failure.id, delivery.id} == {7 * ledger.DELIVERIES, 7 * ledger.DELIVERIES + 1}


async def test_two_gateways_cannot_share_a_spool(tmp_path):
    async with opened(tmp_path):
        with pytest.raises(SpoolBusy, match="another gateway"):
            Spool(tmp_path, None)


async def test_the_accepted_configuration_survives(tmp_path):
    rows = [("Destination", "default", "a", "a.yaml", "{}")]
    async with opened(tmp_path) as spool:
        await spool.remember_accepted([("Project", "default", "old", "p.yaml", "{}")])
        await spool.remember_accepted(rows)
    async with opened(tmp_path) as spool:
        assert spool.accepted() == rows


async def test_a_delivery_that_the_ledger_did_not_learn_of_is_known_after_a_kill(tmp_path):
    async with opened(tmp_path) as spool:
        await keep(spool, Planned(A, State.Waiting), Planned(B, State.Waiting))
        to_a, to_b = spool.waiting()
        spool._committer.end = lambda _: None  # the process is killed before its next round
        spool.settle(to_a, State.Delivered, at=5.0)
        spool.settle(to_b, State.Delivered, at=6.0, message="B000: coerced")  # a note could not say that
    async with opened(tmp_path) as spool:
        assert {each.destination: spool.delivered_before(each) for each in spool.waiting()} == {A: 5.0, B: None}
