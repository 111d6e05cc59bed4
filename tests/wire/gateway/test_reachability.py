# SPDX-License-Identifier: Apache-2.0
"""Whether a destination answers is known before anything is sent there, and follows what is sent."""

from __future__ import annotations

from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu


def test_who_answers_and_who_does_not_is_known_without_sending(gateway, receiver, tmp_path):
    up, down, resting = receiver("up").start(), receiver("down"), receiver("resting").start()
    gateway.destination("up", up.port)
    gateway.destination("down", down.port)
    gateway.destination("resting", resting.port, "suspend: true")
    gateway.start()

    def known(name):
        return gateway.queue(name)["reachable"]

    eventually(lambda: (known("up"), known("down")) == (True, False), "both were asked")
    assert gateway.queue("up")["lastError"] is None
    assert "refused" in gateway.queue("down")["lastError"]
    assert known("resting") is None, "nobody is asked during maintenance"
    assert list(up.folder.iterdir()) == []

    down.start()
    gateway.destination("resting", resting.port)
    files = make_study(tmp_path / "study", 2)
    storescu(gateway.port, files)
    for each in (down, resting):
        each.has(2)
    eventually(lambda: data_sets(down.folder) == data_sets(files), "it arrives")
    eventually(lambda: known("down") is True and known("resting") is True, "what is taken tells as well")
    assert gateway.queue("down")["lastError"] is None
