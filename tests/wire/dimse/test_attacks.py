# SPDX-License-Identifier: Apache-2.0
"""Bad input on a raw socket: the right abort, reject or status; others unaffected; nothing left behind."""

import asyncio
import contextlib
import os
import random
import socket
import struct
from pathlib import Path

import pytest

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.acceptor import AcceptorLimits
from dromos_gateway.dimse.policy import StoreStatus
from dromos_gateway.dimse.uids import VERIFICATION
from tests.wire.dimse.attacker import (
    ECHO_CONTEXT,
    REFUSED_CONTEXT,
    REQUEST,
    UID,
    attacker,
    data_set,
    echo,
    element,
    pdv,
    store,
    uid_value,
)
from tests.wire.dimse.peers import CT, Memory, all_ended, listening, make_image, run, stalled, taking_less_than, until

QUICK = AcceptorLimits(request_timeout=0.5, idle_timeout=0.6, abort_timeout=0.5)
# (0008,0006) with an empty item and without lengths: legal, and in front of the UIDs
LANGUAGE_CODES = struct.pack("<HH2sHI", 8, 6, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
    "<HHIHHIHHI", 0xFFFE, 0xE000, 0xFFFFFFFF, 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0
)
STORE_REQUEST = command.store_request(1, CT, UID)


def header_of(kind, length):
    return struct.pack(">BxI", kind, length)


def find_request():
    """A command set with C-FIND's field."""
    changed = bytearray(command.echo_request(1, CT))
    position = changed.index(struct.pack("<HHIH", 0, 0x100, 2, 0x30))
    changed[position + 8 : position + 10] = b"\x20\x00"
    return bytes(changed)


async def good_sender(acceptor, tmp_path):
    """Somebody else's work goes on."""
    file = make_image(tmp_path / "good.dcm", number=4711)
    code, output = await run("storescu", "-v", "-aec", "STORE", "127.0.0.1", str(acceptor.port), file)
    assert code == 0, output


@pytest.mark.parametrize(
    ("first", "source_and_reason"),
    [
        (header_of(0x00, 4), (2, 1)),
        (header_of(0x99, 4), (2, 1)),
        (b"GET / HTTP/1.1\r\n\r\n", (2, 1)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", (2, 1)),  # a TLS ClientHello
        (header_of(pdu.DATA_TF, 100), (2, 2)),
        (header_of(pdu.RELEASE_RQ, 4) + bytes(4), (2, 2)),
        (header_of(pdu.ASSOCIATE_AC, 100), (2, 2)),
        (header_of(pdu.ASSOCIATE_RQ, 0), (2, 6)),
        (header_of(pdu.ASSOCIATE_RQ, 2**31), (2, 6)),
        (header_of(pdu.ASSOCIATE_RQ, 2**32 - 1), (2, 6)),
        (header_of(pdu.ASSOCIATE_RQ, 68) + bytes(68), (2, 6)),  # no contexts
        (header_of(pdu.ASSOCIATE_RQ, 72) + bytes(68) + b"\x20\x00\xff\xff", (2, 6)),
    ],
)
async def test_what_is_no_association_request(first, source_and_reason):
    async with listening(Memory()) as acceptor, attacker(acceptor.port) as peer:
        peer.send(first)
        assert await peer.abort() == source_and_reason
        await until(lambda: acceptor.connections == 0)


@pytest.mark.parametrize(
    ("message", "source_and_reason"),
    [
        (header_of(0x42, 4), (2, 1)),
        (REQUEST, (2, 2)),
        (header_of(pdu.RELEASE_RP, 4), (2, 2)),
        (header_of(pdu.DATA_TF, 0), (2, 6)),
        (header_of(pdu.DATA_TF, 2**31), (2, 6)),
        (header_of(pdu.DATA_TF, 256 * 1024 + 1), (2, 6)),
        (header_of(pdu.DATA_TF, 8) + struct.pack(">IBBH", 2**32 - 1, 1, 3, 0), (2, 6)),
        (header_of(pdu.DATA_TF, 8) + struct.pack(">IBBH", 1, 1, 3, 0), (2, 6)),
        (header_of(pdu.DATA_TF, 8) + struct.pack(">IBBH", 2, 1, 3, 0), (2, 6)),
        (header_of(pdu.RELEASE_RQ, 5), (2, 6)),
        (pdv(STORE_REQUEST, is_command=True, context=77), (2, 6)),
        (pdv(STORE_REQUEST, is_command=True, context=REFUSED_CONTEXT), (2, 6)),
        (pdv(data_set(), is_command=False), (0, 0)),  # data before its command
        (pdv(b"", is_command=False), (0, 0)),
        (pdv(b"", is_command=True), (0, 0)),
        (pdv(b"rubbish", is_command=True), (0, 0)),
        (pdv(find_request(), is_command=True), (0, 0)),
        (pdv(STORE_REQUEST, is_command=True) * 2, (0, 0)),  # a command where its data set belongs
        (pdv(STORE_REQUEST, is_command=True) + echo(), (0, 0)),  # two messages interleaved
        (pdv(STORE_REQUEST[:20], is_command=True, is_last=False) + pdv(data_set(), is_command=False), (0, 0)),
        (pdv(bytes(1000), is_command=True, is_last=False) * 17, (0, 0)),  # a command without end
    ],
)
async def test_a_violation_aborts_the_association_and_nothing_else(tmp_path, message, source_and_reason):
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(message)
        assert await peer.abort() == source_and_reason
        await good_sender(acceptor, tmp_path)
        await until(lambda: acceptor.connections == 0)
    assert memory.abandoned == memory.begun - 1


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (data_set(), 0x0000),
        (data_set("1.2.3"), 0xA900),
        (data_set(sop_class="1.2.840.10008.5.1.4.1.1.4"), 0xA900),
        (LANGUAGE_CODES + data_set(sop_class="1.2.840.10008.5.1.4.1.1.4"), 0xA900),
        (LANGUAGE_CODES + data_set(), 0x0000),
        (LANGUAGE_CODES[:-8] + data_set(sop_class="1.2.840.10008.5.1.4.1.1.4"), 0xC000),  # it never ends
        (element(8, 0x16, b"UI", uid_value(CT)), 0xA900),  # names no instance
        (element(0x10, 0x20, b"LO", b"12"), 0xA900),
        (element(2, 0x10, b"UI", b"1.2.840.10008.1.2\x00") + data_set(), 0xC000),
        (bytes(128) + b"DICM" + data_set(), 0xC000),
        (struct.pack("<HHI", 8, 0x16, 26) + uid_value(CT) + data_set(), 0xC000),  # implicit where explicit was agreed
        (element(8, 5, b"CS", b"") + b"\x08\x00\x08\x00UT\x00\x00\xfe\xff\xff\xff" + bytes(100), 0xC000),
        (b"\xff" * 1000, 0xC000),
        (b"\x00", 0xC000),
    ],
)
async def test_what_a_data_set_gets(content, status):
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        for message_id in (7, 7, 8):  # an identifier that comes again is no harm
            peer.send(store(content, message_id=message_id))
            response = await peer.response()
            assert (response.status, response.message_id) == (status, message_id)
            assert bool(response.error_comment) == bool(status)
        peer.send(echo())
        assert (await peer.response()).status == 0
    assert len(memory.stored) == (0 if status else 3)
    assert memory.abandoned == (3 if status else 0)


@pytest.mark.parametrize(
    "uid", ["../../etc/passwd", "/abs", "1.2\x00.3", "CON", "1" * 300, "", "1.2;rm -rf ~", "1.2.\n3"]
)
async def test_what_is_no_uid_is_refused_without_asking_the_policy(uid):
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(store(data_set(), uid=uid))
        assert (await peer.response()).status == 0x0117
    assert memory.begun == 0


async def test_a_class_that_is_not_that_of_its_context_is_refused() -> None:
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(store(data_set(), sop_class="1.2.840.10008.5.1.4.1.1.4"))
        assert (await peer.response()).status == 0x0122
        for sop_class in (CT, VERIFICATION):
            peer.send(store(data_set(sop_class=sop_class), sop_class=sop_class, context=ECHO_CONTEXT))
            assert (await peer.response()).status == 0x0122
    assert memory.begun == 0


async def test_a_store_without_a_data_set_is_answered() -> None:
    request = STORE_REQUEST.replace(struct.pack("<HHIH", 0, 0x800, 2, 1), struct.pack("<HHIH", 0, 0x800, 2, 0x101))
    async with listening(Memory()) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(request, is_command=True))
        assert (await peer.response()).status == 0xC000


async def test_a_cancel_is_ignored() -> None:
    cancel = command._group(
        struct.pack("<HHIH", 0, 0x100, 2, 0x0FFF),
        struct.pack("<HHIH", 0, 0x120, 2, 1),
        struct.pack("<HHIH", 0, 0x800, 2, 0x101),
    )
    async with listening(Memory()) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(cancel, is_command=True) + echo())
        assert (await peer.response()).field == command.C_ECHO_RSP


async def test_ten_thousand_fragments_of_one_byte() -> None:
    memory = Memory()
    content = data_set(tail=element(0x7FE0, 0x10, b"OB", b"")[:6] + bytes(2) + struct.pack("<I", 9000) + bytes(9000))
    pieces = [pdv(bytes((byte,)), is_command=False, is_last=False) for byte in content[:-1]]
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(STORE_REQUEST, is_command=True) + b"".join(pieces) + pdv(content[-1:], is_command=False))
        assert (await peer.response()).status == 0
    assert memory.stored[0].content == content


async def test_messages_sent_ahead_are_answered_one_by_one_in_order() -> None:
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(b"".join(store(data_set(), message_id=n) + echo(1000 + n) for n in range(1, 200)))
        peer.send(pdu.encode_release(pdu.RELEASE_RQ))
        for n in range(1, 200):
            assert ((await peer.response()).message_id, (await peer.response()).message_id) == (n, 1000 + n)
        assert (await peer.pdu())[0] == pdu.RELEASE_RP
    assert memory.most_finishing == 1
    assert len(memory.stored) == 199


async def test_a_flood_is_not_read_while_an_instance_is_made_durable() -> None:
    memory = Memory(gated=True)
    message = store(data_set(tail=element(9, 1, b"UN", b"")[:6] + bytes(2) + struct.pack("<I", 60000) + bytes(60000)))
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(message * 1000)  # 60 MB
        await until(lambda: memory.finishing == 1)
        (session,) = acceptor._associations
        held = [0]
        for _ in range(50):
            await asyncio.sleep(0.005)
            held.append(len(session._held))
        assert max(held) <= 1024 * 1024
        memory.gate.set()
        for _ in range(1000):
            assert (await peer.response()).status == 0


async def test_a_peer_that_reads_nothing_is_not_read_either() -> None:
    limits = AcceptorLimits(request_timeout=1.0, idle_timeout=1.0, abort_timeout=0.5)
    async with listening(Memory(), limits) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(100):
            peer.send(echo() * 500)
        await until(lambda: acceptor.connections == 0)


@pytest.mark.parametrize("after", [0, 3, 6, 40, len(REQUEST)])
async def test_a_hundred_stalled_connections_delay_nobody(tmp_path, after):
    async with listening(Memory()) as acceptor, stalled(acceptor, 99, REQUEST[:after]):
        await until(lambda: acceptor.connections == 99)
        await good_sender(acceptor, tmp_path)
        assert acceptor.connections >= 99, "nobody waited for their end"


@pytest.mark.parametrize("after", [0, 3, 6, 40, len(REQUEST)])
async def test_stalled_connections_end(after):
    limits = AcceptorLimits(request_timeout=1.0, idle_timeout=1.0, abort_timeout=0.5)
    async with listening(Memory(), limits) as acceptor, stalled(acceptor, 99, REQUEST[:after]) as readers:
        await all_ended(readers)
        await until(lambda: acceptor.connections == 0)
        assert acceptor.associations == 0


async def test_a_silent_association_ends_after_its_own_time_whatever_a_request_may_take() -> None:
    limits = AcceptorLimits(request_timeout=600.0, idle_timeout=1.0)
    async with listening(Memory(), limits) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        await until(lambda: acceptor.connections == 0)


async def test_long_requests_share_their_room_and_short_ones_need_none(tmp_path):
    longest = header_of(pdu.ASSOCIATE_RQ, 256 * 1024)
    patient = AcceptorLimits(request_timeout=60.0)  # however busy the machine is, none of them is given up meanwhile
    async with listening(Memory(), patient) as acceptor, contextlib.AsyncExitStack() as stack:
        for _ in range(40):
            peer = await stack.enter_async_context(attacker(acceptor.port))
            peer.send(longest + bytes(100))
        await until(lambda: acceptor.rejections == {(2, 3, 1): 8})  # 32 of them are 8 MiB
        async with attacker(acceptor.port) as peer:
            peer.send(longest)
            kind, body = await peer.pdu()
            assert (kind, tuple(body[1:])) == (pdu.ASSOCIATE_RJ, (2, 3, 1))
        await good_sender(acceptor, tmp_path)
        await stack.aclose()
        await until(lambda: acceptor.connections == 0)
        for _ in range(40):  # room is given back by those who left, and by those who came to their end
            async with attacker(acceptor.port) as peer:
                peer.send(longest + bytes(256 * 1024))
                assert await peer.abort() == (2, 6)


async def test_an_unassociated_connection_too_many_is_closed_at_once(tmp_path):
    async with listening(Memory(), AcceptorLimits(connections=5)) as acceptor:
        stalled = [await asyncio.open_connection("127.0.0.1", acceptor.port) for _ in range(5)]
        await until(lambda: acceptor.connections == 5)
        async with attacker(acceptor.port) as peer:
            await peer.end()
        for _, writer in stalled:
            writer.transport.abort()
        await until(lambda: acceptor.connections == 0)
        await good_sender(acceptor, tmp_path)


async def test_an_object_that_stops_is_abandoned() -> None:
    memory = Memory()
    async with listening(memory, QUICK) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(STORE_REQUEST, is_command=True) + pdv(data_set(), is_command=False, is_last=False))
        assert await peer.abort() == (2, 0)
    assert (memory.begun, memory.abandoned) == (1, 1)


async def test_an_object_that_trickles_is_abandoned() -> None:
    memory = Memory()
    async with listening(memory, QUICK) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(STORE_REQUEST, is_command=True))

        async def trickle() -> None:
            while True:
                peer.send(pdv(b"\x08", is_command=False, is_last=False))
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        try:
            assert await peer.abort() == (2, 0)
        finally:
            trickling.cancel()
    assert (memory.begun, memory.abandoned) == (1, 1)


@pytest.mark.parametrize("how", ["close", "reset", "abort", "release", "half-close"])
async def test_a_sender_that_leaves_in_the_middle_of_an_object_leaves_nothing(how):
    memory = Memory()
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(pdv(STORE_REQUEST, is_command=True) + pdv(data_set(), is_command=False, is_last=False))
        await until(lambda: memory.begun == 1)
        if how == "close":
            peer.writer.close()
        elif how == "half-close":
            peer.writer.write_eof()
        elif how == "reset":
            sock = peer.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.writer.transport.abort()
        elif how == "abort":
            peer.send(pdu.encode_abort(0, 0))
        else:
            peer.send(pdu.encode_release(pdu.RELEASE_RQ))
            assert (await peer.pdu())[0] == pdu.RELEASE_RP
        await until(lambda: memory.abandoned == 1)
        if how != "release":
            await until(lambda: acceptor.connections == 0)
    assert memory.stored == []


async def test_a_sender_that_leaves_while_its_instance_is_made_durable_has_it_stored() -> None:
    memory = Memory(gated=True)
    async with listening(memory) as acceptor:
        async with attacker(acceptor.port) as peer:
            await peer.associate()
            peer.send(store(data_set()))
            await until(lambda: memory.finishing == 1)
        await until(lambda: acceptor.connections == 0)
        memory.gate.set()
        await until(lambda: memory.stored)
    assert memory.abandoned == 0


async def test_after_an_abort_the_connection_is_closed_though_the_peer_goes_on() -> None:
    async with listening(Memory(), AcceptorLimits(abort_timeout=0.5)) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        with taking_less_than(15):
            peer.send(header_of(0x42, 4))
            peer.send(bytes(5_000_000))
            assert (await peer.pdu())[0] == pdu.ABORT
            await until(lambda: acceptor.connections == 0)


async def test_a_status_of_the_policy_is_answered_after_the_data_set_is_read() -> None:
    memory = Memory(answer_at_once=StoreStatus(0xA700, "the spool is full"))
    async with listening(memory) as acceptor, attacker(acceptor.port) as peer:
        await peer.associate()
        peer.send(store(data_set(tail=bytes(200_000))))
        response = await peer.response()
        assert (response.status, response.error_comment) == (0xA700, "the spool is full")


async def test_rubbish_of_every_kind_ends_in_an_abort_or_silence_and_memory_stays(tmp_path):
    memory = Memory()
    chance = random.Random(20261124)
    good = REQUEST + store(data_set()) + echo() + store(data_set(tail=bytes(3000))) + pdu.encode_release(pdu.RELEASE_RQ)
    async with listening(memory, QUICK) as acceptor:
        before = _resident()
        for round_ in range(300):
            stream = bytearray(good)
            for _ in range(chance.randint(1, 4)):
                stream[chance.randrange(len(stream))] = chance.randrange(256)
            async with attacker(acceptor.port) as peer:
                peer.send(bytes(stream[: chance.randrange(len(stream))] if round_ % 3 == 0 else stream))
                if round_ % 50 == 0:
                    await peer.end_of_anything()
        await until(lambda: acceptor.connections == 0)
        await until(lambda: memory.begun == memory.abandoned + len(memory.stored))
        await good_sender(acceptor, tmp_path)
        assert _resident() - before < 30_000_000


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
