# SPDX-License-Identifier: Apache-2.0
"""The journal on a disk that tears, forgets and fails: what was promised is found, and what is found was written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromos_gateway.spool import journal
from dromos_gateway.spool.journal import BLOCK, Entry, Journal, Record
from dromos_gateway.spool.promises import facts_of, read_facts
from dromos_gateway.spool.records import Planned, State
from tests.unit.gateway.flatdisk import FlatDisk
from tests.unit.gateway.records import instance

KEY = bytes(range(16))
BLOCKS = 7  # of the ring: few, so that it comes round often
STEPS = 60


@contextmanager
def on(disk: FlatDisk) -> Iterator[None]:
    with (
        mock.patch.object(journal, "os", disk),
        mock.patch.object(journal, "sync_folder"),
        mock.patch.object(journal, "begin_writing"),
    ):
        yield


def opened(*, begun: bool = True) -> Journal:
    ring = Journal(Path("journal"), KEY, size=BLOCKS * BLOCK)
    if begun:
        ring.start()
    return ring


class Gateway:
    """Does with a journal what the spool does, and remembers what it promised."""

    def __init__(self, chance: Random, disk: FlatDisk) -> None:
        self.chance = chance
        self.disk = disk
        self.mark = self.number = 0  # both are in the ledger, which is durable
        self.written: dict[int, Record] = {}  # everything that was ever tried
        self.begun: list[Entry] = []
        self.promised: dict[int, Record] = {}
        self.ring = opened()

    def begin(self) -> None:
        self.number += 1
        size = self.chance.choice((None, 10, BLOCK - 40, BLOCK, 2 * BLOCK, 3 * BLOCK - 100))
        filling = self.chance.choice((b"\0", b"x", KEY, self.chance.randbytes(32)))
        content = None if size is None else (filling * (size // len(filling) + 1))[:size]
        record = Record(self.number, b"facts of %d" % self.number, content or b"")
        entry = self.ring.begin(record.number, record.facts, content)
        if entry is not None and content is None and self.chance.random() < 0.2:
            self.ring.give_up(entry)  # its object's file is not durable
        elif entry is not None:
            self.written[self.number] = record
            self.begun.append(entry)

    def sync(self) -> None:
        entries, self.begun = self.begun, []
        self.disk.refuses = self.chance.random() < 0.2
        self.disk.meanwhile = self.begin if self.chance.random() < 0.3 else lambda: None
        try:
            kept = self.ring.sync(entries)
        except OSError:
            kept = False
        finally:
            self.disk.refuses, self.disk.meanwhile = False, lambda: None
        if kept:
            self.promised |= {entry.number: self.written[entry.number] for entry in entries}
        elif entries:
            self.commit(entries[-1].number)  # they go to the ledger, with all before them

    def commit(self, mark: int | None = None) -> None:
        """The ledger hears of all that was promised; those of its transactions that fail change nothing."""
        if self.promised or mark is not None:
            self.mark = max([self.mark, mark or 0, *self.promised])
            self.promised.clear()
            if self.chance.random() < 0.9:  # else the power goes in between
                self.ring.reclaim(self.mark)

    def blank(self) -> None:
        self.ring.blank()

    def die(self) -> None:
        """The process is killed or the power goes; the next one finds what was promised, and nothing made up."""
        if self.chance.random() < 0.8:
            self.disk.lose_power()
        self.begun.clear()
        self.ring = opened(begun=False)
        found = {record.number: record for record in self.ring.left(self.mark)}
        assert self.promised.items() <= found.items(), "what was promised is lost"
        assert found.items() <= self.written.items(), "what was never written is found"
        assert all(number > self.mark for number in found)
        if self.chance.random() < 0.8:  # else it dies again before the ledger has them
            self.mark = max([self.mark, *found])
            self.promised.clear()
            self.ring.start()
            self.ring.blank()
        else:
            self.ring.blank()
            self.die()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_was_promised_outlives_any_accident(seed):
    chance = Random(seed)  # a draw for each step would make hypothesis take seconds
    with on(disk := FlatDisk(chance)):
        gateway = Gateway(chance, disk)
        steps = (gateway.begin, gateway.begin, gateway.sync, gateway.sync, gateway.commit, gateway.blank, gateway.die)
        for _ in range(STEPS):
            chance.choice(steps)()
        gateway.die()


def record(number: int, size: int = 100) -> Record:
    return Record(number, b"facts of %d" % number, b"x" * size)


@pytest.fixture
def disk() -> Iterator[FlatDisk]:
    with on(disk := FlatDisk(Random(1))):
        yield disk


def keep(ring: Journal, *records: Record) -> None:
    entries = [ring.begin(*each) for each in records]
    assert ring.sync([entry for entry in entries if entry is not None])


def test_records_are_found_in_order_above_the_mark(disk):
    ring = opened()
    records = [record(number) for number in (1, 2, 3)]
    keep(ring, *records)
    disk.lose_power()
    again = opened()
    assert again.left(0) == records
    assert again.left(2) == records[2:]
    assert Journal(Path("journal"), bytes(16), size=BLOCKS * BLOCK).left(0) == [], "they belong to another ledger"


def test_a_full_ring_takes_nothing_until_the_ledger_has_heard(disk):
    ring = opened()
    keep(ring, *(record(number) for number in range(1, BLOCKS + 1)))
    assert ring.begin(*record(8)) is None
    ring.reclaim(2)
    keep(ring, record(8))
    assert ring.begin(*record(9, BLOCK)) is None, "two blocks are more than the one that is free"
    keep(ring, record(10))
    assert [each.number for each in ring.left(2)] == [3, 4, 5, 6, 7, 8, 10]


def test_a_record_of_an_object_in_a_file_is_written_no_sooner_than_it_is_synced(disk):
    ring = opened()
    entry = ring.begin(1, b"facts of 1", None)
    assert ring.left(0) == [], "the file may not be durable yet"
    assert ring.sync([entry])
    disk.lose_power()
    (found,) = opened().left(0)
    assert (found, found.lies_in_a_file) == (Record(1, b"facts of 1", b""), True)


def test_what_is_given_up_takes_no_room(disk):
    ring = opened()
    keep(ring, *(record(number) for number in range(1, BLOCKS)))
    ring.give_up(ring.begin(10, b"facts of 10", None))
    ring.reclaim(BLOCKS - 1)
    assert ring.blank(), "nothing is under way"


def test_a_record_is_in_one_piece(disk):
    ring = opened()
    keep(ring, *(record(number) for number in range(1, BLOCKS)))
    ring.reclaim(BLOCKS - 1)
    keep(ring, record(10, BLOCK))  # one block is left at the end, it needs two
    assert ring.left(BLOCKS - 1) == [record(10, BLOCK)]


def test_after_a_sync_that_failed_nothing_is_known_of_what_was_written_before(disk):
    ring = opened()
    first, meanwhile = ring.begin(*record(1)), []
    disk.refuses, disk.meanwhile = True, lambda: meanwhile.append(ring.begin(*record(2)))
    with pytest.raises(OSError, match="Input/output"):
        ring.sync([first])
    disk.refuses, disk.meanwhile = False, lambda: None
    assert not ring.sync(meanwhile), "this sync succeeds, but the page may be lost already"
    keep(ring, record(3))


def test_what_is_over_is_not_to_be_seen_for_long(disk):
    ring = opened()
    keep(ring, *(record(number) for number in range(1, 4)))
    ring.reclaim(2)
    assert not ring.blank(), "one of them is not over"
    assert ring.left(2) == [record(3)]
    ring.reclaim(3)
    assert ring.blank()
    assert not disk.pread(3, BLOCKS * BLOCK, 0).strip(b"\0")


def test_until_what_was_left_is_in_the_ledger_it_stays_as_it_is(disk):
    keep(opened(), record(1))
    ring = opened(begun=False)
    assert ring.begin(*record(2)) is None
    assert not ring.blank()
    assert ring.left(0) == [record(1)]
    ring.start()
    assert ring.blank()
    assert ring.left(0) == []


def test_one_that_rests_takes_nothing(disk):
    ring = opened()
    ring.rest()
    assert not ring.usable
    assert ring.begin(*record(1)) is None
    ring.resume()
    keep(ring, record(1))


def test_a_disk_without_room_for_it_has_none(disk):
    full = SimpleNamespace(f_bavail=10, f_frsize=BLOCK)
    with mock.patch.object(disk, "fstatvfs", return_value=full):
        ring = opened()
    assert not ring.usable
    assert ring.blank()
    assert disk.pread(3, 1, 0) == b""


def test_a_disk_that_does_not_take_it_has_none_but_what_it_holds_is_found(disk):
    keep(opened(), record(1))
    disk.refuses = True
    ring = opened()
    assert not ring.usable
    assert ring.left(0) == [record(1)]


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
PLANS = st.lists(st.builds(Planned, TEXTS, st.sampled_from((State.Waiting, State.Excluded)), TEXTS), max_size=4)


@given(title=TEXTS, study=TEXTS, at=st.floats(0, 1e10), plan=PLANS)
def test_facts_are_read_as_they_were_written(title, study, at, plan):
    made = replace(instance(7), calling_ae_title=title, study=study, received_at=at)
    assert read_facts(Record(7, facts_of(made, plan), b"")) == (made, tuple(plan))


def test_what_no_row_could_say_no_record_says():
    with pytest.raises(ValueError, match="surrogates"):
        facts_of(replace(instance(7), calling_ae_title="\ud800"), [])
