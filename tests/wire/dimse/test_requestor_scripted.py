# SPDX-License-Identifier: Apache-2.0
"""The requestor against peers that misbehave."""

import asyncio
import resource
import socket
import struct
from dataclasses import replace

import pytest

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.errors import (
    AssociationAborted,
    AssociationRejected,
    ContextRefused,
    DimseError,
    PeerTimeout,
    PeerUnreachable,
    ProtocolViolation,
    UnreadableObject,
)
from dromos_gateway.dimse.outgoing import header
from dromos_gateway.dimse.requestor import Association, ProposedContext
from tests.wire.dimse.peers import (
    CT,
    EXPLICIT,
    JPEG,
    Memory,
    data_set,
    free_port,
    listening,
    make_image,
    peer,
    stored_object,
    taking_less_than,
    until,
)
from tests.wire.dimse.scripted import scripted

CONTEXTS = (ProposedContext(CT, (EXPLICIT,)),)


@pytest.mark.parametrize("max_length", [0, 64, 200, 16384, 2**32 - 1])
async def test_pdus_are_never_larger_than_the_peer_takes(tmp_path, max_length):
    file = make_image(tmp_path / "a.dcm", size=300_000 if max_length != 64 else 3000)
    seen = []

    async def script(peer):
        await peer.accept(max_length=max_length)
        for _ in range(2):
            request, content, lengths = await peer.message()
            seen.append((content, max(lengths)))
            peer.answer(request)

    async with scripted(script) as port:
        association = await Association.open(peer(port), CONTEXTS)
        for _ in range(2):
            assert (await association.store(stored_object(file))).status == 0
        association.abort()
    assert [content for content, _ in seen] == [data_set(file)] * 2
    assert all(length <= (max_length or 256 * 1024) for _, length in seen)


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xA700, 0x0124, 0xC123, 0x0111])
async def test_status_and_comment_come_back(tmp_path, status):
    file = make_image(tmp_path / "a.dcm")

    async def script(peer):
        await peer.accept()
        while True:
            request, _, _ = await peer.message()
            peer.answer(request, status, "because of this")

    async with scripted(script) as port:
        association = await Association.open(peer(port), CONTEXTS)
        for _ in range(3):
            response = await association.store(stored_object(file))
            assert (response.status, response.error_comment) == (status, "because of this")
        assert association.is_open
        association.abort()


async def silent(peer):
    await asyncio.sleep(60)


async def accepts_and_is_silent(peer):
    await peer.accept()
    await peer.message()
    await asyncio.sleep(60)


async def takes_no_data(peer):
    await peer.accept(max_length=0)
    await asyncio.sleep(60)


async def aborts_at_once(peer):
    await peer.accept()
    peer.send(pdu.encode_abort(0, 0))
    await peer.writer.drain()
    await peer.reader.read()


async def aborts_for_an_answer(peer):
    await peer.accept()
    await peer.message()
    peer.send(pdu.encode_abort(2, 6))
    await peer.reader.read()


async def resets_after_the_last_byte(peer):
    await peer.accept()
    await peer.message()
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def closes_in_the_middle(peer):
    await peer.accept()
    await peer.reader.readexactly(1000)


async def releases(peer):
    await peer.accept()
    await peer.message()
    peer.send(pdu.encode_release(pdu.RELEASE_RQ))
    await peer.reader.read()


async def answers_another_message(peer):
    await peer.accept()
    request, _, _ = await peer.message()
    response = bytearray(command.store_response(request, 0))
    position = response.index(struct.pack("<HHI", 0, 0x120, 2)) + 8
    response[position] ^= 0x55
    peer.send(header(peer.context_id, len(response), is_command=True, is_last=True) + response)
    await peer.reader.read()


async def answers_with_rubbish(peer):
    await peer.accept()
    await peer.message()
    peer.send(header(1, 7, is_command=True, is_last=True) + b"rubbish")
    await peer.reader.read()


async def answers_with_a_data_set(peer):
    await peer.accept()
    await peer.message()
    peer.send(header(1, 7, is_command=False, is_last=True) + b"rubbish")
    await peer.reader.read()


async def announces_two_gigabytes(peer):
    await peer.accept()
    await peer.message()
    peer.send(struct.pack(">BxI", pdu.DATA_TF, 2**31))
    await peer.reader.read()


async def speaks_http(peer):
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await peer.reader.read()


async def _store_once(called, instance):
    association = await Association.open(called, CONTEXTS)
    try:
        await association.store(instance)
    finally:
        assert not association.is_open
        with pytest.raises(DimseError):
            await association.store(instance)
        await association.release()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (silent, PeerTimeout),
        (accepts_and_is_silent, PeerTimeout),
        (takes_no_data, PeerTimeout),
        (aborts_at_once, AssociationAborted),
        (aborts_for_an_answer, AssociationAborted),
        (resets_after_the_last_byte, PeerUnreachable),
        (closes_in_the_middle, PeerUnreachable),
        (releases, PeerUnreachable),
        (answers_another_message, ProtocolViolation),
        (answers_with_rubbish, ProtocolViolation),
        (answers_with_a_data_set, ProtocolViolation),
        (announces_two_gigabytes, ProtocolViolation),
        (speaks_http, ProtocolViolation),
    ],
)
async def test_every_way_to_fail_is_told_in_time(tmp_path, script, expected):
    file = make_image(tmp_path / "a.dcm", size=20_000_000)
    async with scripted(script) as port:
        called = peer(port, associate=1.0, response=1.0, send=1.0)
        with taking_less_than(20), pytest.raises(DimseError) as raised:
            await _store_once(called, stored_object(file))
    assert type(raised.value) is expected
    assert "STORE at 127.0.0.1" in str(raised.value)


async def test_a_peer_that_aborts_while_it_takes_no_data_sees_the_connection_end(tmp_path):
    """Left open, it would stay an association there, and a descriptor here, with every attempt one more."""
    file = make_image(tmp_path / "a.dcm", size=20_000_000)
    blocked, ended = asyncio.Event(), asyncio.Event()

    async def stops_reading_and_aborts(peer):
        await peer.accept()
        await blocked.wait()
        peer.send(pdu.encode_abort(0, 0))
        await peer.reader.read()
        ended.set()

    async with scripted(stops_reading_and_aborts) as port:
        association = await Association.open(peer(port), CONTEXTS)
        storing = asyncio.create_task(association.store(stored_object(file)))
        await until(lambda: association._link._writable is not None)  # type: ignore[attr-defined]
        blocked.set()
        with pytest.raises(AssociationAborted):
            await storing
        async with asyncio.timeout(20):
            await ended.wait()


async def test_a_peer_that_never_answers_the_connection_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with taking_less_than(20), pytest.raises(PeerTimeout, match=r"did not answer within 0\.5 s"):
            await Association.open(peer(full.getsockname()[1], connect=0.5), CONTEXTS)
        for filler in fillers:
            filler.close()


async def test_a_rejection_has_its_numbers() -> None:
    async def script(peer):
        await peer.pdu()
        peer.send(pdu.encode_reject(2, 3, 2))
        await peer.reader.read()

    async with scripted(script) as port:
        with pytest.raises(AssociationRejected, match="local limit exceeded") as raised:
            await Association.open(peer(port), CONTEXTS)
    assert (raised.value.result, raised.value.source, raised.value.reason) == (2, 3, 2)
    assert raised.value.transient


async def test_a_context_accepted_in_a_syntax_we_did_not_propose_is_not_used(tmp_path):
    async def script(peer):
        await peer.accept(lambda context: (0, JPEG))
        await peer.reader.read()

    async with scripted(script) as port:
        association = await Association.open(peer(port), CONTEXTS)
        assert not association.accepts(CT, EXPLICIT)
        assert not association.accepts(CT, JPEG)
        with pytest.raises(ContextRefused):
            await association.store(stored_object(make_image(tmp_path / "a.dcm")))
        association.abort()


async def test_a_file_that_shrinks_while_it_is_sent_ends_the_association_and_is_never_completed(tmp_path):
    file = make_image(tmp_path / "a.dcm", size=30_000_000)
    stored = stored_object(file)
    memory = Memory()
    async with listening(memory) as acceptor:
        association = await Association.open(peer(acceptor.port), CONTEXTS)
        sending = asyncio.create_task(association.store(stored))
        await until(lambda: memory.begun)
        with file.open("r+b") as shrinking:
            shrinking.truncate(5_000_000)
        with pytest.raises(UnreadableObject, match="became shorter"):
            await sending
        await until(lambda: memory.abandoned == 1)
    assert memory.stored == []


async def test_a_cancelled_store_aborts_the_association(tmp_path):
    file = make_image(tmp_path / "a.dcm", size=3_000_000)
    memory = Memory(gated=True)
    async with listening(memory) as acceptor:
        association = await Association.open(peer(acceptor.port), CONTEXTS)
        sending = asyncio.create_task(association.store(stored_object(file)))
        await until(lambda: memory.finishing)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not association.is_open
        memory.gate.set()
        await until(lambda: acceptor.connections == 0)


async def test_stores_at_the_same_time_take_turns(tmp_path):
    files = [make_image(tmp_path / f"{n}.dcm", size=100_000, number=n) for n in range(20)]
    memory = Memory()
    async with listening(memory) as acceptor:
        association = await Association.open(peer(acceptor.port), CONTEXTS)
        responses = await asyncio.gather(*(association.store(stored_object(file)) for file in files))
        await association.release()
    assert [response.status for response in responses] == [0] * 20
    assert sorted(memory.contents.values()) == sorted(map(data_set, files))


async def test_memory_does_not_grow_with_the_object(tmp_path):
    file = make_image(tmp_path / "a.dcm", size=1000)
    with file.open("r+b") as growing:
        growing.truncate(1_000_000_000)  # sparse
    received = 0

    async def script(peer):
        nonlocal received
        await peer.accept(max_length=131072)
        while received < 999_000_000:
            received += len(await peer.reader.read(1 << 20))
        peer.send(pdu.encode_abort(0, 0))
        await peer.reader.read()

    async with scripted(script) as port:
        association = await Association.open(peer(port), CONTEXTS)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DimseError):
            await association.store(stored_object(file))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert received >= 999_000_000
    assert grown < 20_000  # kB


async def test_contexts_are_one_for_each_pair_and_128_at_most() -> None:
    seen = []

    async def script(peer):
        seen.append(await peer.accept())
        await peer.reader.read()

    async with scripted(script) as port:
        proposed = [ProposedContext(f"1.2.{n}", (EXPLICIT, JPEG)) for n in range(64)]
        association = await Association.open(peer(port), [*proposed, proposed[0]])
        association.abort()
        with pytest.raises(ValueError, match="128"):
            await Association.open(peer(port), [*proposed, ProposedContext("1.2.3.4", (EXPLICIT,))])
        with pytest.raises(ValueError, match="128"):
            await Association.open(peer(port), [])
    (request,) = seen
    assert [context.context_id for context in request.contexts] == list(range(1, 256, 2))
    assert {len(context.transfer_syntaxes) for context in request.contexts} == {1}


async def test_nobody_at_a_name_that_does_not_exist() -> None:
    with pytest.raises(PeerUnreachable, match="cannot be resolved"):
        await Association.open(replace(peer(free_port()), host="no-such-host.invalid"), CONTEXTS)
