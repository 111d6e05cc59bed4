# SPDX-License-Identifier: Apache-2.0
"""Twenty power cuts on a disk that forgets every write and every name that was not synced."""

from __future__ import annotations

import time
from random import Random

import pytest

from tests.wire.gateway.peers import eventually, free_port
from tests.wire.survival.instances import Factory, received
from tests.wire.survival.ledger import every_row_has_its_file, files_and_rows_agree
from tests.wire.survival.modality import Modality
from tests.wire.survival.preload import without_sync_of

CUTS = 20


@pytest.fixture
def modality(gateway_on_disk, tmp_path, request):
    """What it sends fits into slots, or as the test says."""
    chance = Random(20261126)
    (tmp_path / "sent").mkdir()
    sizes = getattr(request, "param", (400, 12_000, 150_000))
    made = Modality(free_port(), Factory(tmp_path / "sent", chance, sizes), chance, pace=0.005)
    made.start()
    yield made
    made.stop()


def cut(disk, gateway, modality, number: int, seconds: float) -> None:
    """Let it work for a while after so many Successes, kill it, forget."""
    enough = len(modality.acknowledged) + number
    gateway.launch(port=modality.port)
    eventually(lambda: len(modality.acknowledged) >= enough, "it takes instances", timeout=120)
    time.sleep(seconds)
    gateway.kill()
    eventually(lambda: disk.nobody_is_there(), "its processes are gone", 10)
    disk.cut_power()


def test_no_success_is_lost_in_a_power_cut(disk, gateway_on_disk, modality, receiver):
    gateway, chance = gateway_on_disk, Random(7)
    a, b = receiver("a", "--unique-filenames").start(), receiver("b", "--unique-filenames")
    gateway.destination("a", a.port)
    gateway.destination("b", b.port)
    for _ in range(CUTS):
        cut(disk, gateway, modality, chance.randint(1, 25), chance.uniform(0.0, 0.5))
        every_row_has_its_file(gateway.spool)
    modality.stop()
    b.start()
    gateway.start()
    eventually(lambda: gateway.queue("a")["waiting"] + gateway.queue("b")["waiting"] == 0, "all is sent", timeout=120)
    assert gateway.terminate() == 0
    files_and_rows_agree(gateway.spool)
    assert len(modality.acknowledged) > 10 * CUTS
    for each in (a, b):
        have = received(each.folder)
        assert modality.acknowledged.keys() <= have.keys()
        assert all(set(copies) == {modality.sent[uid].digest} for uid, copies in have.items())
    print(f"{len(modality.acknowledged)} acknowledged of {len(modality.sent)}, {CUTS} power cuts")


def test_a_slot_is_never_sent_for_what_it_held_before(disk, gateway_on_disk, modality, receiver):
    """What came later is in the slot already, synced or not; is there still a record, or a row, of what was in it?"""
    gateway, chance = gateway_on_disk, Random(8)
    a = receiver("a", "--unique-filenames").start()
    gateway.destination("a", a.port)  # it is up: slots come back at once
    disk.write_through("*/slots/*")
    for _ in range(CUTS // 2):
        cut(disk, gateway, modality, chance.randint(40, 80), chance.uniform(0.0, 0.5))
        every_row_has_its_file(gateway.spool)
    modality.stop()
    gateway.start()
    eventually(lambda: gateway.queue("a")["waiting"] == 0, "all is sent", timeout=120)
    assert gateway.terminate() == 0
    files_and_rows_agree(gateway.spool)
    have = received(a.folder)
    assert modality.acknowledged.keys() <= have.keys()
    assert all(set(copies) == {modality.sent[uid].digest} for uid, copies in have.items())


@pytest.mark.parametrize("modality", [(400, 12_000, 150_000, 1_500_000)], indirect=True, ids=["all-sizes"])
@pytest.mark.parametrize("part", [".dcm", "/objects/", ".sqlite"])
def test_a_gateway_that_did_not_sync_would_be_caught(disk, gateway_on_disk, modality, tmp_path, part):
    gateway = gateway_on_disk
    gateway.environment = without_sync_of(part, tmp_path)
    gateway.destination("nobody", free_port())
    cut(disk, gateway, modality, 20, 0.5)
    modality.stop()
    gateway.environment = {}
    try:
        gateway.start()
    except AssertionError:  # not even the ledger's tables are left: then it leaves the objects alone
        assert part == ".sqlite"
        assert "its ledger is gone" in gateway.log()
        return
    status = gateway.get("/v1/status")
    kept = status["spool"]["instances"] - gateway.queue("nobody").get("failed", 0)
    assert kept < len(modality.acknowledged)
