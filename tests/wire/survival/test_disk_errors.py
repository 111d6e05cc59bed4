# SPDX-License-Identifier: Apache-2.0
"""A disk that is full or broken: every call that may fail gets a refusal, no Success is lost, and it goes on after."""

from __future__ import annotations

import subprocess
from random import Random

import pytest

from dromos_gateway.spool import slots
from tests.wire.gateway.peers import GatewayProcess, eventually
from tests.wire.survival.instances import Factory, received
from tests.wire.survival.ledger import files_and_rows_agree
from tests.wire.survival.sending import REFUSALS, Sender


@pytest.fixture
def sender_to(tmp_path):
    (tmp_path / "sent").mkdir()
    return lambda gateway, size=IN_A_SLOT: Sender(gateway.port, Factory(tmp_path / "sent", Random(3), sizes=(size,)))


# bytes: the journal has all of the small ones, and of those in a slot what their rows would say; only the large ones
# wait for the ledger, and get a name of their own
IN_THE_JOURNAL, IN_A_SLOT, TOO_LARGE_FOR_ONE = 10_000, 100_000, slots.MEDIUM + 100_000
MADE_AT_FIRST = sum(slots._AT_FIRST.values())


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize(
    ("operation", "pattern", "size"),
    [
        ("write", "/spool/slots/*", IN_THE_JOURNAL),
        ("write", "/spool/slots/*", IN_A_SLOT),
        ("sync", "/spool/slots/*", IN_A_SLOT),
        ("create", "/spool/incoming/*", TOO_LARGE_FOR_ONE),
        ("write", "/spool/incoming/*", TOO_LARGE_FOR_ONE),
        ("rename", "/spool/objects/*", TOO_LARGE_FOR_ONE),
        ("sync", "/spool/*/*", TOO_LARGE_FOR_ONE),
        ("syncfolder", "/spool/objects", TOO_LARGE_FOR_ONE),
        ("write", "*.sqlite*", TOO_LARGE_FOR_ONE),  # the ledger
        ("sync", "*.sqlite*", TOO_LARGE_FOR_ONE),
    ],
)
def test_a_call_that_fails_refuses_and_loses_nothing(
    disk, gateway_on_disk, receiver, sender_to, operation, pattern, size, error
):
    gateway, a = gateway_on_disk, receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    # slots are made in the background: what fails there would not be an instance's failure
    eventually(lambda: disk.safe_names(gateway.spool / slots.FOLDER) >= MADE_AT_FIRST, "the slots are made")
    sender = sender_to(gateway, size)
    assert sender.send(3) == [0] * 3
    disk.fail(operation, pattern, error)
    answers = sender.send(4)
    failed = disk.recover()
    assert failed, "nothing was refused by the disk, so nothing was tried"
    assert set(answers) <= REFUSALS, "it acknowledged, though the disk had refused"
    eventually(lambda: sender.send(1) == [0], "it takes instances again")
    check(gateway, a, sender)


@pytest.mark.parametrize("size", [IN_THE_JOURNAL, IN_A_SLOT])
@pytest.mark.parametrize(("operation", "error"), [("write", "ENOSPC"), ("sync", "EIO")])
def test_a_journal_that_fails_is_done_without(disk, gateway_on_disk, receiver, sender_to, operation, error, size):
    gateway, a = gateway_on_disk, receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    eventually(lambda: disk.safe_names(gateway.spool / slots.FOLDER) >= MADE_AT_FIRST, "the slots are made")
    sender = sender_to(gateway, size)
    assert sender.send(3) == [0] * 3
    disk.fail(operation, "/spool/journal", error)
    assert sender.send(4) == [0] * 4, "the ledger would have taken them"
    assert disk.recover(), "nothing was refused by the disk, so nothing was tried"
    assert sender.send(3) == [0] * 3
    check(gateway, a, sender)


@pytest.mark.parametrize(
    ("operation", "pattern", "error", "dies"),
    [
        ("write", "*.sqlite*", "ENOSPC", True),
        ("sync", "*.sqlite*", "EIO", False),
        ("sync", "/spool/slots/*", "EIO", True),
        ("sync", "/spool/slots/*", "EIO", False),
    ],
)
def test_what_only_the_journal_has_outlives_a_ledger_that_fails(
    disk, gateway_on_disk, receiver, sender_to, operation, pattern, error, dies
):
    gateway, a = gateway_on_disk, receiver("a")
    gateway.destination("a", a.port)  # it is down, so everything needs its rows
    gateway.start()
    sender = sender_to(gateway, IN_THE_JOURNAL)
    eventually(lambda: disk.safe_names(gateway.spool / slots.FOLDER) >= MADE_AT_FIRST, "the slots are made")
    disk.fail(operation, pattern, error)
    answers = sender.send(6)
    assert answers[0] == 0, "the journal took it"
    assert set(answers) <= REFUSALS | {0}
    eventually(lambda: disk.failed(), "the disk refused something")
    if dies:
        gateway.kill()
        eventually(lambda: disk.nobody_is_there(), "its processes are gone")
    disk.recover()
    if dies:
        gateway.start()
        sender.port = gateway.port
    eventually(lambda: gateway.queue("a")["waiting"] == len(sender.kept), "all of them wait, and nothing else")
    eventually(lambda: sender.send(1) == [0], "it takes instances again")
    a.start()
    check(gateway, a, sender)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize(("operation", "pattern"), [("write", "*.sqlite*"), ("sync", "*.sqlite*")])
def test_a_disk_that_fails_while_instances_leave(disk, gateway_on_disk, receiver, sender_to, operation, pattern, error):
    gateway, a = gateway_on_disk, receiver("a")
    gateway.destination("a", a.port)
    gateway.start()
    sender = sender_to(gateway)
    assert sender.send(5) == [0] * 5
    disk.fail(operation, pattern, error)
    a.start()
    a.has(5)
    eventually(lambda: disk.failed(), "the disk refused something")
    disk.recover()
    assert sender.send(1) == [0]
    check(gateway, a, sender)


def check(gateway: GatewayProcess, a, sender: Sender) -> None:
    """All that was acknowledged has arrived, and an orderly end leaves nothing that does not belong."""
    a.has(len(sender.kept))
    eventually(lambda: {uid: d[0] for uid, d in received(a.folder).items()} == sender.kept, "exactly those arrive")
    eventually(lambda: gateway.queue("a")["waiting"] == 0, "nothing waits")
    assert gateway.terminate() == 0
    gateway.start()  # an object that could not be deleted is swept now
    assert gateway.terminate() == 0
    assert gateway.is_empty()
    files_and_rows_agree(gateway.spool)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)], check=True)
    yield folder
    eventually(lambda: subprocess.call(["umount", str(folder)]) == 0, "the disk is free")


def test_a_full_disk_refuses_until_there_is_room_again(small_disk, gateway, receiver, sender_to):
    a = receiver("a").start()
    gateway.spool = small_disk / "spool"
    gateway.destination("a", a.port)
    gateway.start()
    try:
        sender = sender_to(gateway)
        assert sender.send(3) == [0] * 3
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file:  # others may fill a disk as well
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        eventually(lambda: set(sender.send(5)) <= REFUSALS, "it refuses")  # what room it had set aside it may use
        ballast.unlink()
        eventually(lambda: sender.send(1) == [0], "there is room again")
        check(gateway, a, sender)
    finally:
        gateway.kill()


def test_a_spool_that_fills_up_keeps_its_reserve_and_deletes_nothing(small_disk, gateway, receiver, sender_to):
    a = receiver("a")
    gateway.spool = small_disk / "spool"
    gateway.destination("a", a.port)  # it is down, so everything stays
    gateway.start()
    try:
        sender = sender_to(gateway)
        answers = []
        spool = gateway.get("/v1/status")["spool"]
        while spool["available"] or not answers or not set(answers[-5:]) <= REFUSALS:
            answers += sender.send(
                50
            )  # what is refused gives its few blocks back, which may be the last that there are
            assert len(answers) < 5000
            spool = gateway.get("/v1/status")["spool"]
        assert spool["instances"] == len(sender.kept)
        a.start()
        a.has(len(sender.kept), timeout=60)
        eventually(lambda: sender.send(1) == [0], "there is room again")
        check(gateway, a, sender)
    finally:
        gateway.kill()
