# SPDX-License-Identifier: Apache-2.0
"""Kills, disconnects and drains: Success means safe, and nothing else stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading

from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject
from tests.wire.gateway.peers import ENVIRONMENT, data_sets, eventually, make_study, storescu, successes


def send_until_it_breaks(port: int, files: list, acknowledged: list[str], enough: threading.Event, after: int) -> None:
    """Send files; note each Success; tell when there are `after` of them."""

    async def send() -> None:
        heads = [read_head(path) for path in files]
        association = await Association.open(
            Peer("127.0.0.1", port, "DROMOS", "CT1"),
            [ProposedContext(heads[0].sop_class_uid, (heads[0].transfer_syntax_uid,))],
        )
        for path, head in zip(files, heads, strict=True):
            item = StoredObject(
                path, head.data_set_offset, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid
            )
            if (await association.store(item)).status == 0:
                acknowledged.append(head.sop_instance_uid)
            if len(acknowledged) >= after:
                enough.set()

    try:
        asyncio.run(send())
    except DimseError:
        pass
    finally:
        enough.set()


def test_sigkill_while_200_are_in_flight_loses_nothing_that_was_acknowledged(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b")
    gateway.destination("a", a.port)
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 200)
    acknowledged: list[str] = []
    enough = threading.Event()
    arguments = (gateway.port, sorted(study.iterdir()), acknowledged, enough, 100)
    sender = threading.Thread(target=send_until_it_breaks, args=arguments)
    sender.start()
    assert enough.wait(60)
    gateway.kill()
    sender.join(30)
    assert len(acknowledged) >= 100
    b.start()
    gateway.start()
    sent = data_sets(study)
    for each in (a, b):

        def complete(each=each) -> bool:
            got = data_sets(each.folder)
            return all(got.get(uid) == sent[uid] for uid in acknowledged)

        eventually(complete, f"{len(acknowledged)} acknowledged instances arrive")
    storescu(gateway.port, study)  # the modality sends again what it has no answer for
    for each in (a, b):
        each.has(200)
        eventually(lambda each=each: data_sets(each.folder) == sent, "all 200 are there")
    eventually(gateway.is_empty, "no file is left without a purpose")


def test_sigkill_while_200_wait_loses_none(gateway, receiver, tmp_path):
    a = receiver("a", "--sleep-after", "0")
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 200)
    storescu(gateway.port, study)
    gateway.kill()
    a.start()
    gateway.start()
    a.has(20)
    gateway.kill()
    gateway.start()
    a.has(200)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all 200 are there")
    eventually(gateway.is_empty, "nothing is left")


def test_a_sender_that_dies_in_the_middle_of_an_object_leaves_nothing(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    big = make_study(tmp_path / "big", 1, pixels=64 * 1024 * 1024)
    command = ["storescu", "-aec", "DROMOS", "+sd", "127.0.0.1", str(gateway.port), str(big)]
    incoming = gateway.spool / "incoming"  # where what is larger than a slot goes

    def begun() -> bool:
        return any(entry.stat().st_size > 100_000 for entry in os.scandir(incoming))

    process = subprocess.Popen(command, env=ENVIRONMENT)
    try:
        eventually(begun, "the object comes in")
    finally:
        process.kill()
        process.wait()
    eventually(gateway.is_empty, "nothing is left")
    status = gateway.get("/v1/status")
    assert (status["spool"]["bytes"], status["spool"]["instances"]) == (0, 0)
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    a.has(2)


def test_sigterm_finishes_what_is_open_refuses_the_rest_and_keeps_the_queue(gateway, receiver, tmp_path):
    a = receiver("a")
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 300, pixels=64 * 1024)
    result: list[subprocess.CompletedProcess[str]] = []
    sender = threading.Thread(target=lambda: result.append(storescu(gateway.port, study, check=False)))
    sender.start()
    eventually(lambda: gateway.get("/v1/status")["spool"]["instances"] > 5, "the sender is busy")
    gateway.send_signal(signal.SIGTERM)
    eventually(lambda: "stopping" in gateway.log(), "it heard the signal")
    late = make_study(tmp_path / "late", 1)
    assert successes(storescu(gateway.port, late, check=False)) == 0
    sender.join(60)
    assert successes(result[0]) == 300
    assert gateway.wait() == 0
    a.start()
    gateway.start()
    a.has(300, timeout=60)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all of them, and only them")
