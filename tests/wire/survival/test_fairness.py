# SPDX-License-Identifier: Apache-2.0
"""A backlog of hundreds does not starve a study of five."""

from __future__ import annotations

from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu
from tests.wire.survival.test_destination_faults import answers, misbehaving


def test_a_small_study_overtakes_a_backlog(gateway, tmp_path):
    with misbehaving(answers(0)) as peer:
        gateway.destination("a", peer.port, "suspend: true", dicom=", concurrency: 1")
        gateway.start()
        huge, small = make_study(tmp_path / "huge", 300), make_study(tmp_path / "small", 5)
        storescu(gateway.port, huge)
        storescu(gateway.port, small)
        assert gateway.queue("a")["waiting"] == 305
        gateway.destination("a", peer.port, dicom=", concurrency: 1")
        eventually(lambda: gateway.queue("a")["delivered"] == 305, "all are delivered")
        few = data_sets(small)
        assert max(peer.messages.index(uid) for uid in few) < 60
        assert len(peer.messages) == len(set(peer.messages)) == 305
