# SPDX-License-Identifier: Apache-2.0
"""Changing the manifests of a running gateway."""

from __future__ import annotations

import asyncio
import os

import pytest

from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject
from tests.ports import free_port
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu


def test_a_destination_is_added_while_an_association_stays_open(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port)
    gateway.start()
    files = sorted(make_study(tmp_path / "study", 6).iterdir())

    async def send() -> None:
        heads = [read_head(path) for path in files]
        objects = [
            StoredObject(
                path, head.data_set_offset, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid
            )
            for path, head in zip(files, heads, strict=True)
        ]
        association = await Association.open(
            Peer("127.0.0.1", gateway.port, "DROMOS", "CT1"),
            [ProposedContext(heads[0].sop_class_uid, (heads[0].transfer_syntax_uid,))],
        )
        for item in objects[:3]:
            assert (await association.store(item)).status == 0
        gateway.destination("b", b.port)
        await asyncio.to_thread(gateway.applied)
        for item in objects[3:]:
            assert (await association.store(item)).status == 0
        await association.release()

    asyncio.run(send())
    a.has(6)
    b.has(3)
    eventually(lambda: gateway.queue("b")["delivered"] == 3, "only what came after it goes there")


def test_disabled_excludes_what_comes_in_and_keeps_what_waits(gateway, receiver, tmp_path):
    a, other = receiver("a"), receiver("other").start()
    gateway.destination("a", a.port, "suspend: true")
    gateway.destination("other", other.port)
    gateway.start()
    first = make_study(tmp_path / "first", 4)
    storescu(gateway.port, first)
    a.start()
    gateway.destination("a", a.port, "enabled: false")
    gateway.applied()
    storescu(gateway.port, make_study(tmp_path / "second", 3))
    other.has(7)
    queue = gateway.queue("a")
    assert (queue["waiting"], queue["excluded"], queue["delivered"]) == (4, 3, 0)
    gateway.destination("a", a.port)
    a.has(4)
    eventually(lambda: data_sets(a.folder) == data_sets(first), "exactly what waited arrives")


def test_suspended_queues_and_sends_nothing_until_resumed(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port, "suspend: true")
    gateway.destination("b", b.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 5))
    b.has(5)
    assert gateway.queue("a")["waiting"] == 5
    assert list(a.folder.iterdir()) == []
    gateway.destination("a", a.port)
    a.has(5)
    gateway.node("suspend: true")
    gateway.applied()
    storescu(gateway.port, make_study(tmp_path / "more", 5))
    assert [gateway.queue(name)["waiting"] for name in "ab"] == [5, 5]
    gateway.node()
    for each in (a, b):
        each.has(10)


def test_a_deleted_destination_leaves_dead_letters_that_another_can_take(gateway, receiver, tmp_path):
    a, b = receiver("a"), receiver("b").start()
    gateway.destination("a", a.port)
    gateway.destination("b", b.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    b.has(3)
    (gateway.manifests / "destination-a.yaml").unlink()
    eventually(lambda: gateway.queue("a").get("failed") == 3, "they are dead letters")
    failures = gateway.get("/v1/failures")["failures"]
    assert {(item["reason"], item["message"]) for item in failures} == {("DestinationDeleted", "destination deleted")}
    number = failures[0]["id"]
    assert gateway.get(f"/v1/failures/{number}/retry", method="POST") == 409
    assert gateway.get(f"/v1/failures/{number}/retry?destination=default/b", method="POST")["state"] == "Waiting"
    eventually(lambda: gateway.queue("b")["delivered"] == 4, "the other destination gets it")
    assert gateway.get(f"/v1/failures/{failures[1]['id']}", method="DELETE")["state"] == "Excluded"
    eventually(lambda: len(gateway.get("/v1/failures")["failures"]) == 1, "one is left")


@pytest.mark.parametrize("killed", [True, False])
def test_a_destination_that_goes_while_the_gateway_is_down_leaves_dead_letters(gateway, receiver, tmp_path, killed):
    a = receiver("a")
    gateway.destination("a", a.port)
    gateway.destination("gone", free_port())
    gateway.start()
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study)
    if killed:
        gateway.kill()
    else:
        assert gateway.terminate() == 0
    (gateway.manifests / "destination-gone.yaml").unlink()
    a.start()
    gateway.start()
    eventually(lambda: gateway.queue("gone").get("failed") == 5, "what waited for it are dead letters")
    assert gateway.queue("gone")["waiting"] == 0
    a.has(5)
    assert data_sets(a.folder) == data_sets(study), "the other destination gets everything"


def test_a_broken_document_keeps_its_last_form_also_after_a_restart(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    gateway.write("destination-a", "kind: [unclosed")
    gateway.applied()
    for _ in range(2):
        configuration = gateway.get("/v1/configuration")
        assert any("YAML" in problem["message"] for problem in configuration["problems"])
        assert configuration["destinations"][0]["reason"] == "LastAcceptedForm"
        before = gateway.queue("a")["delivered"]
        storescu(gateway.port, make_study(tmp_path / f"study{before}", 2))
        eventually(lambda before=before: gateway.queue("a")["delivered"] == before + 2, "it is still delivered")
        assert gateway.terminate() == 0
        gateway.start()


def test_a_broken_manifest_does_not_stop_the_valid_ones(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.destination("b", 70000)
    gateway.start()
    assert any("spec.dicom.port" in (item["field"] or "") for item in gateway.get("/v1/configuration")["problems"])
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    a.has(2)


def test_a_destination_that_never_was_valid_gets_everything_once_it_is(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port)
    gateway.destination("b", 70000)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    a.has(3)
    shown = {item["name"]: item for item in gateway.get("/v1/configuration")["destinations"]}
    assert (shown["b"]["reason"], shown["b"]["programmed"]) == ("Invalid", False)
    assert "spec.dicom.port" in shown["b"]["message"]
    assert gateway.queue("b")["waiting"] == 3
    assert gateway.terminate() == 0
    gateway.start()  # never accepted, and there again
    assert gateway.queue("b")["waiting"] == 3
    gateway.destination("b", b.port)
    gateway.applied()
    b.has(3)
    assert data_sets(b.folder) == data_sets(study)
    eventually(gateway.is_empty, "nothing is left")


def test_a_slip_in_the_kind_or_a_pipe_in_the_folder_costs_no_queue(gateway, tmp_path):
    gateway.destination("a", free_port())
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    os.mkfifo(gateway.manifests / "pipe.yaml")
    text = (gateway.manifests / "destination-a.yaml").read_text()
    for old, new in (("kind: Destination", "kind: Destinaton"), ("dromos.dev/", "dromos.de/")):
        gateway.write("destination-a", text.replace(old, new))
        gateway.applied()
        configuration = gateway.get("/v1/configuration")
        assert [item["reason"] for item in configuration["destinations"]] == ["LastAcceptedForm"]
        assert len(configuration["problems"]) == 1
        assert (gateway.queue("a")["waiting"], gateway.queue("a")["failed"]) == (2, 0)
    assert gateway.terminate() == 0
