# SPDX-License-Identifier: Apache-2.0
"""Files and rows: what is kept, what is swept, what is reported."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dromos_gateway.spool.records import Planned, State
from dromos_gateway.spool.spool import Spool, SpoolBusy
from tests.unit.gateway.records import instance

A, B = "default/a", "default/b"


@asynccontextmanager
async def opened(folder, limit=None):
    spool = Spool(folder, limit)
    try:
        spool.recover(2000.0)
        yield spool
    finally:
        await spool.close()


async def keep(spool, *plan, content=b"data set", number=1):
    incoming = spool.begin(b"head")
    incoming.write(memoryview(content))
    item = replace(instance(number), file=incoming.name, size=incoming.size, data_set_offset=4)
    await spool.keep(incoming, item, plan)
    return incoming.name


def waiting_for(*destinations):
    return tuple(Planned(destination, State.Waiting) for destination in destinations)


async def test_an_object_is_stored_once_and_goes_with_the_last_destination(tmp_path):
    async with opened(tmp_path) as spool:
        arrived = []
        spool.arrived = arrived.extend
        name = await keep(spool, *waiting_for(A, B))
        assert (tmp_path / "objects" / name).read_bytes() == b"headdata set"
        assert [item.destination for item in arrived] == [A, B]
        spool.settle(arrived[0], State.Delivered, at=2001.0)
        await spool.bury_destination("none", reason="", message="", at=0)  # a barrier: what came before is done
        assert (tmp_path / "objects" / name).exists()
        spool.settle(arrived[1], State.Delivered, at=2002.0)
        await spool.bury_destination("none", reason="", message="", at=0)
        assert not (tmp_path / "objects" / name).exists()
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
        assert (tmp_path / "objects" / name).exists()


async def test_recovery_sweeps_what_was_never_acknowledged(tmp_path):
    async with opened(tmp_path) as spool:
        spool.begin(b"head").write(memoryview(b"half"))  # a crash in the middle
        (tmp_path / "objects" / "orphan.dcm").write_bytes(b"renamed, but no row yet")
        name = await keep(spool, *waiting_for(A))
    async with opened(tmp_path):
        assert list((tmp_path / "incoming").iterdir()) == []
        assert [path.name for path in (tmp_path / "objects").iterdir()] == [name]


@pytest.mark.parametrize(("harm", "reason"), [("gone", "SpoolFileMissing"), ("short", "SpoolFileDamaged")])
async def test_a_row_without_its_whole_file_is_reported(tmp_path, harm, reason):
    async with opened(tmp_path) as spool:
        path = tmp_path / "objects" / await keep(spool, *waiting_for(A))
    path.unlink() if harm == "gone" else path.write_bytes(b"he")
    async with opened(tmp_path) as spool:
        assert list(spool.waiting()) == []
        assert [failure.reason for failure in await spool.failures()] == [reason]


async def test_what_every_destination_excludes_is_counted_and_not_kept(tmp_path):
    async with opened(tmp_path) as spool:
        await keep(spool, Planned(A, State.Excluded, "destination disabled"))
        assert list((tmp_path / "objects").iterdir()) == []
        assert list((tmp_path / "incoming").iterdir()) == []
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
        assert sorted(path.name for path in (tmp_path / "objects").iterdir()) == sorted(names[:2])


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
        incoming._temporary.unlink()  # the rename must fail
        item = replace(instance(1), file=incoming.name, size=incoming.size)
        with pytest.raises(OSError):
            await spool.keep(incoming, item, waiting_for(A))
        assert await spool.totals() == {}
        await keep(spool, *waiting_for(A), number=2)  # the next one is served again


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
