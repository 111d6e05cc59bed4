# SPDX-License-Identifier: Apache-2.0
"""The acceptor against DCMTK: storescu, echoscu, findscu."""

import asyncio
import os

import pytest

from dromos_gateway.dimse.acceptor import AcceptorLimits
from dromos_gateway.dimse.policy import Rejection, StoreStatus
from tests.wire.dimse.peers import (
    CT,
    EXPLICIT,
    IMPLICIT,
    PRIVATE_CLASS,
    Memory,
    data_set,
    listening,
    make_image,
    run,
    taking_less_than,
    until,
)


async def storescu(port, *arguments, called="STORE"):
    return await run("storescu", "-v", "-aet", "CT1", "-aec", called, "127.0.0.1", str(port), *arguments)


async def test_a_thousand_small_instances_arrive_byte_for_byte(tmp_path):
    files = [make_image(tmp_path / f"{n:04}.dcm", size=10_000, number=n) for n in range(1000)]
    memory = Memory()
    async with listening(memory) as acceptor:
        code, output = await storescu(acceptor.port, "+sd", tmp_path)
        assert code == 0, output
        await until(lambda: acceptor.connections == 0)
    assert len(memory.stored) == 1000
    assert sorted(memory.contents.values()) == sorted(map(data_set, files))
    first = memory.requests[0]
    assert (first.calling_ae_title, first.called_ae_title, first.peer_host) == ("CT1", "STORE", "127.0.0.1")
    assert memory.stored[0].request.sop_class_uid == CT


async def test_a_sender_that_leaves_nagle_on_is_not_held_up(tmp_path, monkeypatch):
    for n in range(500):
        make_image(tmp_path / f"{n}.dcm", size=10_000, number=n)
    memory = Memory()
    monkeypatch.setattr(
        "tests.wire.dimse.peers.ENVIRONMENT", {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}
    )
    async with listening(memory) as acceptor:
        with taking_less_than(15):  # 22 s with delayed acknowledgements
            code, output = await storescu(acceptor.port, "+sd", tmp_path)
    assert code == 0, output
    assert len(memory.stored) == 500


@pytest.mark.parametrize("pdu", [4096, 16384, 131072])
async def test_large_instances_arrive_in_pdus_of_any_size(tmp_path, pdu):
    file = make_image(tmp_path / "large.dcm", size=5_000_000)
    memory = Memory()
    async with listening(memory) as acceptor:
        code, output = await storescu(acceptor.port, "--max-send-pdu", str(pdu), file)
    assert code == 0, output
    assert list(memory.contents.values()) == [data_set(file)]


@pytest.mark.parametrize(("option", "syntax"), [("-xi", IMPLICIT), ("-xe", EXPLICIT)])
async def test_the_offered_transfer_syntax_is_taken(tmp_path, option, syntax):
    file = make_image(tmp_path / "a.dcm", syntax=syntax)
    memory = Memory()
    async with listening(memory) as acceptor:
        code, output = await storescu(acceptor.port, option, file)
    assert code == 0, output
    assert memory.stored[0].request.transfer_syntax_uid == syntax
    assert memory.stored[0].content == data_set(file)


async def test_echo() -> None:
    async with listening(Memory()) as acceptor:
        code, output = await run("echoscu", "-v", "127.0.0.1", str(acceptor.port))
    assert code == 0, output
    assert "Received Echo Response (Success)" in output


async def test_a_query_is_refused_in_its_presentation_context() -> None:
    async with listening(Memory()) as acceptor:
        arguments = ("-v", "-W", "-k", "PatientName=*", "127.0.0.1", str(acceptor.port))
        code, output = await run("findscu", *arguments)
    assert code != 0
    assert "No Acceptable Presentation Contexts" in output


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1, 1, 7), "Called AE Title Not Recognized"),
        ((1, 1, 3), "Calling AE Title Not Recognized"),
        ((2, 3, 1), "Temporary Congestion"),
        ((2, 3, 2), "Local Limit Exceeded"),
    ],
)
async def test_a_rejection_reaches_the_peer_with_its_reason(tmp_path, numbers, words):
    file = make_image(tmp_path / "a.dcm")
    memory = Memory(admission=Rejection(*numbers))
    async with listening(memory) as acceptor:
        code, output = await storescu(acceptor.port, file)
        assert acceptor.associations == 0
    assert code != 0
    assert words in output
    assert not memory.begun


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ({"answer_at_once": StoreStatus(0xA700, "the spool is full")}, "0xa700"),
        ({"status": StoreStatus(0x0110)}, "0x0110"),
        ({"fail_begin": OSError(28, "No space left on device")}, "0xa700"),
        ({"fail_write": OSError(28, "No space left on device")}, "0xa700"),
        ({"fail_finish": OSError(5, "Input/output error")}, "0xa700"),
        ({"fail_begin": RuntimeError("a defect")}, "0x0110"),
        ({"fail_write": RuntimeError("a defect")}, "0x0110"),
        ({"fail_finish": RuntimeError("a defect")}, "0x0110"),
    ],
    ids=["full", "status", "begin", "write", "finish", "begin-bug", "write-bug", "finish-bug"],
)
async def test_a_failure_is_a_status_and_the_association_lives_on(tmp_path, behaviour, words):
    memory = Memory(**behaviour)
    files = [make_image(tmp_path / f"{n}.dcm", size=600_000, number=n) for n in range(2)]
    async with listening(memory) as acceptor:
        _, output = await storescu(acceptor.port, "-d", "--no-halt", *files)
    assert output.lower().count(words) >= 2, output
    assert "aborted" not in output.lower()
    assert memory.abandoned == (2 if memory.fail_write else 0)


async def test_associations_beyond_the_limit_are_refused_as_transient_and_welcome_again_later(tmp_path):
    file = make_image(tmp_path / "a.dcm")
    memory = Memory(gated=True)
    async with listening(memory, AcceptorLimits(associations=2)) as acceptor:
        first = [asyncio.create_task(storescu(acceptor.port, file)) for _ in range(2)]
        await until(lambda: memory.finishing == 2)
        code, output = await storescu(acceptor.port, file)
        assert code != 0
        assert "Local Limit Exceeded" in output
        memory.gate.set()
        assert [code for code, _ in await asyncio.gather(*first)] == [0, 0]
        await until(lambda: acceptor.associations == 0)
        code, output = await storescu(acceptor.port, file)
        assert code == 0, output


async def test_sixteen_senders_at_once(tmp_path):
    memory = Memory()
    for n in range(160):
        make_image(tmp_path / str(n % 16) / f"{n}.dcm", size=50_000, number=n)
    async with listening(memory) as acceptor:
        results = await asyncio.gather(*(storescu(acceptor.port, "+sd", tmp_path / str(n)) for n in range(16)))
    assert [code for code, _ in results] == [0] * 16
    assert len(memory.contents) == 160


async def test_drain_lets_the_open_association_finish_and_refuses_the_next(tmp_path):
    files = [make_image(tmp_path / f"{n}.dcm", number=n) for n in range(3)]
    memory = Memory(gated=True)
    async with listening(memory) as acceptor:
        sender = asyncio.create_task(storescu(acceptor.port, *files))
        await until(lambda: memory.finishing == 1)
        port = acceptor.port
        draining = asyncio.create_task(acceptor.drain(20))
        await until(lambda: acceptor.port == 0)
        code, _ = await storescu(port, files[0])
        assert code != 0
        memory.gate.set()
        code, output = await sender
        assert code == 0, output
        await asyncio.wait_for(draining, 5)
    assert len(memory.stored) == 3


async def test_drain_does_not_wait_for_ever(tmp_path):
    file = make_image(tmp_path / "a.dcm")
    memory = Memory(gated=True)
    async with listening(memory) as acceptor:
        sender = asyncio.create_task(storescu(acceptor.port, file))
        await until(lambda: memory.finishing == 1)
        with taking_less_than(15):
            await acceptor.drain(0.5)
        code, _ = await sender
        assert code != 0


async def test_private_classes_and_syntaxes_are_taken() -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    entity = pynetdicom.AE("PRIVATE")
    entity.add_requested_context(PRIVATE_CLASS, ["1.2.826.0.1.3680043.2.1143.78"])
    entity.add_requested_context("1.2.840.10008.5.1.4.1.2.2.1")
    memory = Memory()
    async with listening(memory) as acceptor:
        association = await asyncio.to_thread(entity.associate, "127.0.0.1", acceptor.port)
        assert association.is_established
        assert [str(each.abstract_syntax) for each in association.accepted_contexts] == [PRIVATE_CLASS]
        assert association.rejected_contexts[0].result == 3
        await asyncio.to_thread(association.release)
