# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged because the journal has it: no accident of a disk, a ledger or a version loses it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from dromos_gateway.spool import schema, settling
from dromos_gateway.spool.journal import BLOCK
from dromos_gateway.spool.numbers import Numbers
from dromos_gateway.spool.recovery import DAMAGED, MISSING
from dromos_gateway.spool.schema import SpoolIncompatible, connect
from dromos_gateway.spool.slots import MEDIUM
from tests.wire.spool.running import A, Running, killed, running, waiting_for

LARGER = 50_000  # bytes that lie in a slot, and not in the journal


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


async def test_a_record_names_no_slot_that_is_not_synced(folder, failing):
    """Not a moment before: what the record of an instance says of its slot must be true after any power cut."""
    async with running(folder) as gateway:
        (slot,) = gateway.spool._slots._free[MEDIUM][-1:]
        failing.add(slot.descriptor)
        with pytest.raises(OSError, match="Input/output"):
            await gateway.keep(*waiting_for(A), content=bytes(LARGER))
        left = killed(gateway.spool)
        assert not slot.path.exists(), "it serves nobody any longer"
        assert gateway.spool.space.used == 0
        assert gateway.spool._journal.blank(), "it keeps no room for the record"
        failing.clear()
        await gateway.keep(*waiting_for(A), content=bytes(LARGER), number=2)
        assert gateway.rows == 0
        later = killed(gateway.spool, "later")
    for path, uids in ((left, []), (later, ["1.9.2"])):
        async with running(path) as gateway:
            assert [each.instance.sop_instance_uid for each in gateway.spool.waiting()] == uids


async def test_a_journal_that_fails_leaves_what_lies_in_slots_to_the_ledger(folder, failing):
    async with running(folder) as gateway:
        failing.add(gateway.spool._journal._descriptor)
        await gateway.keep(*waiting_for(A), content=bytes(LARGER))
        assert gateway.rows == 1
        left = killed(gateway.spool)
    async with running(left) as gateway:
        assert [gateway.content(each) for each in gateway.spool.waiting()] == [b"head" + bytes(LARGER)]


@pytest.mark.parametrize(("harm", "reason"), [(Path.unlink, MISSING), (lambda path: os.truncate(path, 99), DAMAGED)])
async def test_a_record_without_its_whole_slot_is_a_dead_letter(folder, harm, reason):
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A), content=b"x" * LARGER)
        left = killed(gateway.spool)
        harm(left / gateway.arrived[0].instance.file)
    async with running(left) as gateway:
        assert [each.reason for each in await gateway.spool.failures()] == [reason]
        assert gateway.recorder.heard == [f"arrived {A} Waiting", f"{A} Failed"]
        assert list(gateway.spool.waiting()) == []


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


async def test_a_spool_of_the_version_without_records_of_slots_is_taken_up(folder):
    """Version 3 had the same tables; its journal had no record without its object."""
    async with running(folder) as gateway:
        await gateway.keep(*waiting_for(A), content=bytes(LARGER))
        await gateway.spool.instances()
        await gateway.keep(*waiting_for(A), number=2)
        assert gateway.rows == 1
        old = killed(gateway.spool)
    connection = sqlite3.connect(old / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    async with running(old) as gateway:
        (version,) = gateway.spool.ledger.execute("PRAGMA user_version").fetchone()
        assert version == schema.VERSION, "the one before leaves it alone now"
        await gateway.keep(*waiting_for(A), content=b"x" * LARGER, number=3)
        left = killed(gateway.spool, "later")
    async with running(left) as gateway:
        contents = [gateway.content(each) for each in gateway.spool.waiting()]
        assert contents == [b"head" + each for each in (bytes(LARGER), b"data set", b"x" * LARGER)]


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
