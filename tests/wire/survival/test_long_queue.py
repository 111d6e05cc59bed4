# SPDX-License-Identifier: Apache-2.0
"""A restart with 20,000 instances queued: ready after less than 5 seconds of work, and all of them still go."""

from __future__ import annotations

import time
from random import Random

from bench.processes import cpu_seconds
from tests.wire.gateway.peers import eventually, free_port
from tests.wire.survival.instances import Factory
from tests.wire.survival.modality import Modality

MANY = 20_000


def test_a_restart_with_a_long_queue_is_ready_in_five_seconds(gateway, receiver, tmp_path):
    a = receiver("a")
    gateway.destination("a", a.port, "suspend: true")
    gateway.start(port=free_port())
    chance = Random(2)
    (tmp_path / "sent").mkdir()
    modality = Modality(gateway.port, Factory(tmp_path / "sent", chance, sizes=(400,)), chance, 0.0, associations=8)
    modality.start()
    try:
        eventually(lambda: len(modality.acknowledged) >= MANY, f"{MANY} are taken", timeout=600)
    finally:
        modality.stop()
    gateway.kill()
    started = time.monotonic()
    gateway.start(port=gateway.port)
    seconds, used = time.monotonic() - started, cpu_seconds([gateway.process.pid])
    assert gateway.queue("a")["waiting"] >= MANY
    print(
        f"ready with {gateway.queue('a')['waiting']} instances queued after {seconds:.1f} s, {used:.1f} s of them at work"
    )
    assert used < 5, "a machine that is busy with other things gives it less in a second, and asks no more of it"
    a.start()
    gateway.destination("a", a.port)
    a.has(200)
