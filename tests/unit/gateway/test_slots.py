# SPDX-License-Identifier: Apache-2.0
"""Slots that come back, and those that wait with their objects for a destination that is down."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_gateway.spool import slots
from dromos_gateway.spool.slots import FOLDER, MEDIUM, SMALL, Slot, Slots
from dromos_gateway.spool.space import FileSystem, Space

MOST = 4


@pytest.fixture(autouse=True)
def few(monkeypatch):
    for name, value in (("_MOST", MOST), ("_AT_FIRST", MOST), ("_PIECE", MOST), ("_LOW", 1)):
        monkeypatch.setattr(slots, name, {SMALL: value, MEDIUM: 0})


async def filled(folder: Path) -> Slots:
    (folder / FOLDER).mkdir()
    made = Slots(folder, Space(folder, None, look=lambda _: FileSystem(2**40, 2**40)))
    made.prepare()
    await settled(made)
    return made


async def settled(pool: Slots) -> None:
    if pool._making is not None:
        await pool._making


def taken(pool: Slots) -> Slot:
    slot = pool.take(SMALL)
    assert slot is not None
    return slot


async def test_where_none_comes_back_those_that_wait_are_files(tmp_path, monkeypatch):
    monkeypatch.setattr(slots, "_STILL", 0.0)
    pool = await filled(tmp_path)
    *waiting, coming = [taken(pool) for _ in range(MOST)]
    for slot in waiting:
        pool.keeps(slot.name, 10)
    assert pool.take(SMALL) is None, "this one has to be a file"
    await settled(pool)
    assert [slot.path.stat().st_size for slot in waiting] == [10] * (MOST - 1)
    assert coming.path.stat().st_size == SMALL, "its object is still being written"
    assert taken(pool).name not in {slot.name for slot in (*waiting, coming)}
    assert not pool.recycle(waiting[0].name, 10), "it is deleted like any other file"
    assert pool.recycle(coming.name, 10)
    await pool.close()


async def test_where_they_come_back_they_stay_slots(tmp_path):
    pool = await filled(tmp_path)
    waiting = [taken(pool) for _ in range(MOST)]
    for slot in waiting:
        pool.keeps(slot.name, 10)
    assert pool.recycle(waiting.pop().name, 10)
    taken(pool)
    assert pool.take(SMALL) is None
    await settled(pool)
    assert {slot.path.stat().st_size for slot in waiting} == {SMALL}
    await pool.close()
