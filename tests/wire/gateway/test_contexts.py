# SPDX-License-Identifier: Apache-2.0
"""Presentation contexts are proposed for exactly what waits, and anew when something else comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, _config, evt

from dromos_gateway.dimse.part10 import file_head
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject
from dromos_gateway.dimse.uids import VERIFICATION
from tests.wire.dimse.attacker import data_set
from tests.wire.gateway.peers import eventually, make_study, storescu

MOST = 128  # contexts of one association (PS3.8 9.3.2.2)


class Archive:
    """pynetdicom; it takes every class, and remembers what it was asked for and what it got."""

    def __init__(self) -> None:
        self.proposed: list[dict[str, list[str]]] = []
        self.stored: list[str] = []
        self._server = AE("A").start_server(
            ("127.0.0.1", 0),
            block=False,
            evt_handlers=[(evt.EVT_REQUESTED, self._requested), (evt.EVT_C_STORE, self._store)],
        )
        self.port = self._server.socket.getsockname()[1]

    def _requested(self, event: evt.Event) -> None:
        asked = event.assoc.requestor.requested_contexts
        contexts = {str(each.abstract_syntax): list(map(str, each.transfer_syntax)) for each in asked}
        if VERIFICATION not in contexts:  # whether it answers at all
            self.proposed.append(contexts)

    def _store(self, event: evt.Event) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", True)
    made = Archive()
    yield made
    made.close()


def test_contexts_are_those_of_what_waits_and_others_are_asked_for_when_they_come(gateway, archive, tmp_path):
    gateway.destination("a", archive.port, "suspend: true", ", concurrency: 1")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "ct", 3))
    gateway.destination("a", archive.port, "", ", concurrency: 1")
    eventually(lambda: len(archive.stored) == 3, "what waited arrives")
    assert archive.proposed == [{CTImageStorage: [ExplicitVRLittleEndian]}]
    storescu(gateway.port, make_study(tmp_path / "mr", 2, sop_class=MRImageStorage))
    eventually(lambda: len(archive.stored) == 5, "the others arrive, too")
    assert MRImageStorage in archive.proposed[-1]
    asked = {uid for contexts in archive.proposed for uid in contexts}
    assert asked == {CTImageStorage, MRImageStorage}
    assert gateway.queue("a")["failed"] == 0


def test_more_kinds_than_an_association_has_contexts_take_more_than_one(gateway, archive, tmp_path):
    classes = [f"1.2.826.0.1.3680043.9.88.{number}" for number in range(1, MOST + 7)]
    gateway.destination("a", archive.port, "suspend: true", ", concurrency: 1")
    gateway.start()

    async def send(some: list[str]) -> None:
        contexts = [ProposedContext(uid, (ExplicitVRLittleEndian,)) for uid in some]
        association = await Association.open(Peer("127.0.0.1", gateway.port, "DROMOS", "CT1"), contexts)
        for uid in some:
            head = file_head(sop_class_uid=uid, sop_instance_uid=f"{uid}.1", transfer_syntax_uid=ExplicitVRLittleEndian)
            path = tmp_path / f"{uid}.dcm"
            path.write_bytes(head + data_set(f"{uid}.1", uid))
            stored = StoredObject(path, len(head), uid, f"{uid}.1", ExplicitVRLittleEndian)
            assert (await association.store(stored)).status == 0
        await association.release()

    for start in range(0, len(classes), MOST):
        asyncio.run(send(classes[start : start + MOST]))
    gateway.destination("a", archive.port, "", ", concurrency: 1")
    eventually(lambda: len(archive.stored) == len(classes), "every kind arrives")
    assert sorted(archive.stored) == sorted(f"{uid}.1" for uid in classes)
    assert max(map(len, archive.proposed)) <= MOST
    assert gateway.queue("a")["failed"] == 0
