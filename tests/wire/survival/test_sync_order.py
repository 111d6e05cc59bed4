# SPDX-License-Identifier: Apache-2.0
"""Before each 0000 leaves, everything that it promises is on the disk: strace says so, call by call."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dromos_gateway.spool import slots
from tests.wire.gateway.peers import GatewayProcess, eventually, free_port
from tests.wire.survival import trace
from tests.wire.survival.durability import Disk
from tests.wire.survival.instances import Factory
from tests.wire.survival.modality import Modality
from tests.wire.survival.preload import without_sync_of

ENOUGH = 60
SIZES = (400, 12_000, 150_000, 1_500_000)  # bytes of pixels; the largest has no slot and gets a file of its own


def watched(gateway: GatewayProcess, home: Path) -> tuple[Disk, Modality]:
    """Let a gateway receive under strace, from its very first start."""
    gateway.destination("nobody", free_port())
    gateway.prefix = trace.command(home / "trace")
    gateway.start()
    made = sum(slots._AT_FIRST.values())  # without them all would be files
    eventually(lambda: len(list((gateway.spool / slots.FOLDER).iterdir())) >= made, "the slots are made")
    chance = Random(1)
    (home / "sent").mkdir()
    modality = Modality(gateway.port, Factory(home / "sent", chance, SIZES), chance, pace=0.001, associations=3)
    modality.start()
    try:
        eventually(lambda: len(modality.acknowledged) >= ENOUGH, "enough is acknowledged", timeout=60)
    finally:
        modality.stop()
    process = gateway.process
    assert gateway.terminate() == 0
    done = f"{process.pid} +++ exited"
    eventually(lambda: done in " ".join((home / "trace").read_text(errors="replace").split()), "strace is done")
    return Disk(gateway.spool, gateway.port).follow(home / "trace"), modality


def test_nothing_is_acknowledged_before_it_is_on_the_disk(gateway, tmp_path):
    disk, modality = watched(gateway, tmp_path)
    assert sorted(disk.acknowledged) == sorted(modality.acknowledged)
    assert disk.objections == []
    assert disk.journalled > 0
    assert disk.recorded > 0
    assert disk.journalled + disk.recorded < len(disk.acknowledged), "all three ways were gone"


@pytest.mark.parametrize(
    ("part", "doubt"),
    [
        (".dcm", "its data set is not synced"),
        ("/objects/", "the name of the object is not synced"),
        ("/slots/", "the name of the object is not synced"),
        (".sqlite", "its row is not synced"),
        ("/journal", "its record is not synced"),
        ("/spool/", "the name of the "),
    ],
)
def test_a_sync_that_is_left_out_is_noticed(gateway, tmp_path, part, doubt):
    gateway.environment |= without_sync_of(part, tmp_path)
    disk, _ = watched(gateway, tmp_path)
    assert any(doubt in objection for objection in disk.objections)
