# SPDX-License-Identifier: Apache-2.0
"""Whether a destination answers is known before anything is sent there, and follows what is sent."""

from __future__ import annotations

from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from tests.ports import free_port
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


def test_a_peer_that_does_not_know_our_title_is_left_alone_until_that_is_mended(gateway, tmp_path):
    """A-ASSOCIATE-RJ 1,1,3 is permanent: nothing is lost, nothing becomes a dead letter, the reason is shown."""
    received = []

    def keep(event):
        received.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    peer, port = AE("A"), free_port()
    peer.require_calling_aet = ["A"]
    for sop_class in (CTImageStorage, Verification):
        peer.add_supported_context(sop_class)
    server = peer.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    try:
        gateway.destination("a", port)
        gateway.start()
        storescu(gateway.port, make_study(tmp_path / "study", 2))
        eventually(lambda: "calling AE title not recognized" in (gateway.queue("a")["lastError"] or ""), "it is shown")
        assert "1,1,3" in gateway.queue("a")["lastError"]
        eventually(lambda: gateway.queue("a")["breaker"] != "Closed", "the peer is left alone")
        assert (gateway.queue("a")["waiting"], gateway.queue("a")["failed"], received) == (2, 0, [])
        gateway.destination("a", port, dicom=", useDestinationAETitle: true")
        gateway.applied()
        eventually(lambda: gateway.queue("a")["delivered"] == 2, "with the title that it knows they go")
        assert len(set(received)) == 2
    finally:
        server.shutdown()
