# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what storescu sends, both receivers hold byte for byte. Without this the rest would prove little."""

from __future__ import annotations

import pytest

from tests.cluster.peers import ORTHANC_PORT, STORESCP_PORT, Peers
from tests.cluster.studies import digests, study


@pytest.mark.parametrize(("receiver", "port"), [("archive", STORESCP_PORT), ("research", ORTHANC_PORT)])
def test_a_receiver_keeps_data_sets_as_they_come(peers: Peers, receiver: str, port: int) -> None:
    files = study(1, 10)
    peers.load("direct", files)
    sent = peers.send("direct", to=receiver, called="ANY", port=port)
    assert sent.code == 0, sent.log
    assert sent.acknowledged == files.keys()
    peers.wait_received(receiver, digests(files))


def test_a_changed_data_set_is_seen(peers: Peers) -> None:
    files = study(2, 3)
    peers.load("changed", files)
    assert peers.send("changed", to="archive", called="ANY", port=STORESCP_PORT).code == 0
    uid, *_ = expected = digests(files)
    expected[uid] = digests(study(3, 1)).popitem()[1]
    with pytest.raises(AssertionError, match=uid):
        peers.wait_received("archive", expected, within=0)


def test_a_receiver_that_was_stopped_starts_empty(peers: Peers) -> None:
    peers.scale("archive", 0)
    files = study(4, 1)
    peers.load("stopped", files)
    assert peers.send("stopped", to="archive", called="ANY", port=STORESCP_PORT).code != 0
    peers.scale("archive", 1)
    assert peers.count("archive") == 0
