# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random points: each Success has its instance delivered everywhere, byte by byte, hardly any twice.

Forty kills by default, `DROMOS_KILLS` as many as it says (`make test-long`: 200).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random

from tests.wire.gateway.peers import GatewayProcess, eventually, free_port
from tests.wire.survival.instances import Factory, received
from tests.wire.survival.ledger import every_row_has_its_file, files_and_rows_agree
from tests.wire.survival.modality import Modality

KILLS = int(os.environ.get("DROMOS_KILLS", "40"))
SEED = 20261125
NAMES = ("steady", "broken", "later")
# What was sent and not yet noted when the process died is sent again: what is in flight on a destination's two
# associations, and what the ledger's last group commit was to note (50 ms of deliveries, here about six).
TWICE_PER_KILL = 6


def test_no_success_is_ever_lost(gateway, receiver, tmp_path):
    chance = Random(SEED)
    receivers = {name: receiver(name, "--unique-filenames") for name in NAMES}
    for name, each in receivers.items():
        gateway.destination(name, each.port, "suspend: true" if name == "later" else "")
    receivers["steady"].start()
    (tmp_path / "sent").mkdir()
    port = free_port()
    modality = Modality(port, Factory(tmp_path / "sent", chance), chance, pace=0.008)
    modality.start()
    try:
        for number in range(KILLS):
            if number % 7 == 3:  # another destination comes and goes as well
                receivers["broken"].start()
            elif number % 7 == 6:
                receivers["broken"].stop()
            kill_at_random(gateway, modality, chance)
            every_row_has_its_file(gateway.spool)
        gateway.start(port=port)
    finally:
        modality.stop()
    for each in receivers.values():
        if not each.running:
            each.start()
    gateway.destination("later", receivers["later"].port)
    gateway.applied()
    eventually(lambda: sum(gateway.queue(name)["waiting"] for name in NAMES) == 0, "all queues are empty", timeout=240)
    assert gateway.terminate() == 0
    files_and_rows_agree(gateway.spool)
    check(modality, {name: each.folder for name, each in receivers.items()})


def kill_at_random(gateway: GatewayProcess, modality: Modality, chance: Random) -> None:
    """Start the gateway, let it work for a moment, kill it: mostly all of it, now and then only one of its processes."""
    process = gateway.launch(port=modality.port)
    enough = len(modality.acknowledged) + chance.randint(1, 60)
    if chance.random() < 0.2:  # while it starts, or recovers
        time.sleep(chance.uniform(0.0, 0.8))
    else:
        eventually(lambda: len(modality.acknowledged) >= enough, "it takes instances")
        time.sleep(chance.uniform(0.0, 0.9))
    family = [process.pid, *children(process.pid)]
    if len(family) > 1 and chance.random() < 0.25:
        os.kill(family[1], signal.SIGKILL)  # the sending process: the gateway must do without for a moment
        time.sleep(chance.uniform(0.0, 0.5))
        family = [process.pid, *children(process.pid)]
    for pid in family if chance.random() < 0.5 else family[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    gateway.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "nothing of it goes on by itself", 10)


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def check(modality: Modality, folders: dict[str, Path]) -> None:
    """The verdict; what it prints is the report of a run."""
    assert len(modality.acknowledged) > 15 * KILLS
    for name, folder in folders.items():
        have = received(folder)
        lost = modality.acknowledged.keys() - have.keys()
        assert not lost, f"{name}: {len(lost)} of {len(modality.acknowledged)} acknowledged instances never arrived"
        changed = [uid for uid, copies in have.items() if set(copies) != {modality.sent[uid].digest}]
        assert not changed, f"{name}: {len(changed)} instances arrived changed"
        twice = sum(map(len, have.values())) - len(have)
        print(f"{name}: {len(modality.acknowledged)} acknowledged of {len(modality.sent)}; {twice} sent twice")
        assert twice <= TWICE_PER_KILL * KILLS, f"{name}: {twice} instances were sent again after {KILLS} kills"
