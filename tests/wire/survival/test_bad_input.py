# SPDX-License-Identifier: Apache-2.0
"""Data sets and connections that attack a whole gateway, conditions and all: the right answer, bounded memory, others unaffected."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from pathlib import Path

import pytest

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.policy import OfferedContext
from dromos_gateway.dimse.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
from tests.wire.dimse.attacker import STORE_CONTEXT, attacker, data_set, element, pdv, store, uid_value
from tests.wire.dimse.peers import CT
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu

UNDEFINED = 0xFFFFFFFF
MOST_MEMORY = 200 << 20  # bytes of all processes together, as the issue has it for big objects


def long_element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HH2sHI", group, number, vr, 0, len(value) if length is None else length) + value


def nested(depth: int) -> bytes:
    """Sequences of undefined length in each other, all of them closed."""
    item = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    ends = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return (long_element(8, 0x51, b"SQ", b"", UNDEFINED) + item) * depth + ends * depth


MODALITY = element(8, 0x60, b"CS", b"CT")
PIXELS = (0x7FE0, 0x10, b"OW")
FRAGMENT = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
ATTACKS = {
    "depth 100": nested(100) + MODALITY,
    "depth 5000": nested(5000) + MODALITY,
    "depth 5000, never closed": nested(5000)[: 5000 * 20],
    "undefined length without an end": long_element(8, 0x51, b"SQ", b"", UNDEFINED) + MODALITY,
    "an odd length": element(8, 0x20, b"DA", b"2026112") + element(8, 0x21, b"DA", b"2026112") + MODALITY,
    "4 GB that never come": long_element(8, 0x51, b"UN", bytes(100), 0xFFFFFFFE),
    "a table of 4 G": MODALITY + long_element(0x28, 0x3006, b"OW", bytes(10), 0xFFFFFFF0),
    "unknown VR in bulk": long_element(9, 0x1001, b"UN", bytes(200_000)),
    "a VR that does not exist": element(8, 0x50, b"??", b"x ") + MODALITY,
    "a character set that does not exist": element(8, 0x5, b"CS", b"NONSENSE")
    + MODALITY
    + element(16, 16, b"PN", b"\xff\xfe"),
    "an element twice": MODALITY + MODALITY,
    "tags that go back": element(0x20, 0x13, b"IS", b"1 ") + MODALITY,
    "bytes after the pixels": MODALITY + long_element(*PIXELS, bytes(64)) + b"\xff" * 10,
    "empty fragments": MODALITY + long_element(*PIXELS, FRAGMENT * 1000, UNDEFINED),
    "an offset table that lies": MODALITY
    + long_element(*PIXELS, struct.pack("<HHII", 0xFFFE, 0xE000, 4, 2**31), UNDEFINED),
    "half an element": MODALITY + b"\x10\x00\x10\x00",
}


def memory(pid: int) -> int:
    """Proportional set size of a process and its children, bytes."""
    family = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    found = 0
    for each in family:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                found += int(line.split()[1]) * 1024
    return found


@pytest.fixture
def guarded(gateway, receiver):
    """A gateway that forwards everything to one destination, and has to read what it sends to the other."""
    plain, reading = receiver("plain").start(), receiver("reading").start()
    gateway.node(ae_title="STORE")
    gateway.destination("plain", plain.port)
    gateway.destination("reading", reading.port, 'condition: tagValueIsPresent(#Tag.Modality, "CT")')
    gateway.start()
    return gateway, plain, reading


async def sent(port: int, attacks: dict[str, bytes]) -> dict[str, int]:
    """Each attack on one association: what it was answered."""
    statuses = {}
    async with attacker(port) as peer:
        await peer.associate()
        for number, (name, tail) in enumerate(attacks.items(), 1):
            uid = f"1.2.3.{number}"
            peer.send(store(data_set(uid, tail=tail), uid=uid, message_id=number))
            statuses[name] = (await peer.response()).status
    return statuses


def test_data_sets_that_lie_pass_unchanged_or_are_kept_back_and_harm_nobody(guarded, tmp_path):
    gateway, plain, reading = guarded
    statuses = asyncio.run(sent(gateway.port, ATTACKS))
    assert statuses == dict.fromkeys(ATTACKS, 0)  # whose they are is plain; the rest is the receiver's affair
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study, called="STORE")
    plain.has(len(ATTACKS) + 3)
    eventually(lambda: gateway.queue("reading")["waiting"] == 0, "each one is decided on")
    ends = gateway.queue("reading")
    assert ends["delivered"] + ends["excluded"] + ends["failed"] == len(ATTACKS) + 3
    assert set(data_sets(reading.folder)) >= set(data_sets(study))
    for item in gateway.get("/v1/failures")["failures"]:
        assert item["reason"] == "ConditionFailed"
        assert item["message"]
    assert memory(gateway.process.pid) < MOST_MEMORY
    assert "Traceback" not in gateway.log()


def test_an_instance_at_which_the_peer_aborts_delays_no_other(guarded, tmp_path):
    gateway, plain, _ = guarded
    assert asyncio.run(sent(gateway.port, {"an odd number of bytes": MODALITY + b"\xff"})) == {
        "an odd number of bytes": 0
    }
    study = make_study(tmp_path / "study", 20)
    storescu(gateway.port, study, called="STORE")
    plain.has(20)
    assert data_sets(plain.folder) == data_sets(study)
    eventually(lambda: gateway.queue("plain")["delivered"] == 20, "the others are done")
    queue = gateway.queue("plain")
    assert (queue["waiting"], queue["failed"]) == (1, 0)  # DCMTK says no reason: it may be a passing one
    assert "abort" in queue["lastError"]


def test_a_deflated_bomb_costs_no_memory(guarded, tmp_path):
    gateway, plain, _ = guarded
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = squeeze.compress(data_set("1.2.3.4") + long_element(8, 0x51, b"UN", b"", 400 << 20))
    bomb += (
        b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(400)) + squeeze.compress(MODALITY) + squeeze.flush()
    )
    contexts = (OfferedContext(STORE_CONTEXT, CT, (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,)),)

    async def attack() -> int:
        async with attacker(gateway.port) as peer:
            peer.send(pdu.encode_request("STORE", "ATTACKER", contexts, 16384))
            assert (await peer.pdu())[0] == pdu.ASSOCIATE_AC
            peer.send(pdv(command.store_request(1, CT, "1.2.3.4"), is_command=True))
            for start in range(0, len(bomb), 60_000):
                piece = bomb[start : start + 60_000]
                peer.send(pdv(piece, is_command=False, is_last=start + 60_000 >= len(bomb)))
            return (await peer.response()).status

    assert asyncio.run(attack()) in (0, 0xC000, 0xA900)
    storescu(gateway.port, make_study(tmp_path / "study", 3), called="STORE")
    plain.has(3)
    eventually(lambda: gateway.queue("reading")["waiting"] == 0, "it is decided on")
    assert memory(gateway.process.pid) < MOST_MEMORY


@pytest.mark.parametrize(
    ("content", "uid", "status"),
    [
        (data_set("1.2.9"), "1.2.8", 0xA900),
        (element(8, 0x16, b"UI", uid_value("1.2.840.10008.1.3.10")) + MODALITY, "1.2.8", 0xA900),
        (bytes(128) + b"DICM" + data_set("1.2.8"), "1.2.8", 0xC000),
        (b"GIF89a" * 50, "1.2.8", 0xC000),
        (data_set("1.2.8"), "../../etc/passwd", 0x0117),
    ],
)
def test_what_is_not_what_it_says_is_refused_and_said_in_one_line(guarded, content, uid, status):
    gateway, _, _ = guarded
    before = len(gateway.log().splitlines())

    async def attack() -> int:
        async with attacker(gateway.port) as peer:
            await peer.associate()
            peer.send(store(content, uid=uid))
            answer = (await peer.response()).status
            peer.send(pdu.encode_release(pdu.RELEASE_RQ))
            await peer.pdu()
            return answer

    assert asyncio.run(attack()) == status
    eventually(gateway.is_empty, "nothing of it is kept")
    said = gateway.log().splitlines()[before:]
    assert len(said) == 1, said
    assert f"{status:04X}" in said[0]


def test_a_hundred_stalled_connections_delay_no_good_sender(guarded, tmp_path):
    gateway, plain, _ = guarded

    async def stall() -> None:
        async with contextlib.AsyncExitStack() as stack:
            stalled = [await stack.enter_async_context(attacker(gateway.port)) for _ in range(100)]
            for each in stalled:
                each.send(b"\x01\x00\x00")
            await asyncio.to_thread(storescu, gateway.port, make_study(tmp_path / "study", 5), called="STORE")
            await asyncio.to_thread(plain.has, 5)
            assert not any(each.reader.at_eof() for each in stalled), "the good sender waited until they were closed"
            for each in stalled:
                await each.end_of_anything()

    asyncio.run(stall())


def test_a_dicomdir_never_gets_success(guarded):
    gateway, _, _ = guarded
    directory = "1.2.840.10008.1.3.10"

    async def attack() -> tuple[int, bytes]:
        async with attacker(gateway.port) as peer:
            contexts = (
                OfferedContext(1, directory, ("1.2.840.10008.1.2.1",)),
                OfferedContext(3, CT, ("1.2.840.10008.1.2.1",)),
            )
            peer.send(pdu.encode_request("STORE", "ATTACKER", contexts, 16384))
            kind, body = await peer.pdu()
            assert kind == pdu.ASSOCIATE_AC
            result = pdu.parse_accept(body).contexts[1][0]
            peer.send(store(data_set(sop_class=directory), sop_class=directory, context=3))
            return result, (await peer.response()).status

    result, status = asyncio.run(attack())
    assert result == pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert status == 0x0122
    assert gateway.is_empty()
