# SPDX-License-Identifier: Apache-2.0
"""`spool.size`: what is above it is refused, what is there stays, and when there is room it goes on."""

from __future__ import annotations

from random import Random

from tests.wire.gateway.peers import eventually
from tests.wire.survival.instances import Factory, received
from tests.wire.survival.sending import REFUSALS, Sender

SIZE = 64 * 1024 * 1024  # the least that a ForwardNode may have
RESERVE = 0.05


def test_a_spool_that_has_its_size_refuses_until_something_is_delivered(gateway, receiver, tmp_path):
    a = receiver("a")  # it is down, so everything stays
    gateway.node("spool: {size: 64Mi}")
    gateway.destination("a", a.port)
    gateway.start()
    (tmp_path / "sent").mkdir()
    sender = Sender(gateway.port, Factory(tmp_path / "sent", Random(5), sizes=(10_000, 2_500_000)))
    answers = sender.send(120)  # by one association, so that it is each instance that is refused
    assert set(answers) == {0, 0xA700}
    assert answers.index(0xA700) == answers.count(0), "once it is full it takes nothing"
    assert set(sender.send(2)) == {"rejected 2,3,2"}, "nor any other association"
    status = gateway.get("/v1/status")["spool"]
    assert status["instances"] == len(sender.kept)
    assert SIZE * (1 - RESERVE) < status["bytes"] <= SIZE
    gateway.kill()
    gateway.start()
    sender.port = gateway.port
    assert set(sender.send(2)) <= REFUSALS, "it knows after a restart what it holds"
    a.start()
    a.has(len(sender.kept))
    eventually(lambda: sender.send(1) == [0], "there is room again")
    eventually(lambda: {uid: found[0] for uid, found in received(a.folder).items()} == sender.kept, "all arrive")
    eventually(lambda: gateway.get("/v1/status")["spool"]["bytes"] == 0, "the room is given back")


def test_a_size_that_is_raised_counts_at_once(gateway, receiver, tmp_path):
    a = receiver("a")
    gateway.node("spool: {size: 64Mi}")
    gateway.destination("a", a.port)
    gateway.start()
    (tmp_path / "sent").mkdir()
    sender = Sender(gateway.port, Factory(tmp_path / "sent", Random(6), sizes=(2_500_000,)))
    assert 0xA700 in sender.send(40)
    gateway.node("spool: {size: 128Mi}")
    gateway.applied()
    assert sender.send(10) == [0] * 10
