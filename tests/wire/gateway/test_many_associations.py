# SPDX-License-Identifier: Apache-2.0
"""Associations that come and go by the thousand leave nothing: no memory, no descriptor."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dromos_gateway.dimse import pdu
from tests.ports import free_port
from tests.wire.dimse.attacker import REQUEST
from tests.wire.gateway.peers import eventually

LOOPS, AT_A_TIME = 10_000, 8
WARM_UP = 1000
GROWTH = 8192  # KiB: less than a kilobyte for each
REQUESTED = REQUEST.replace(b"STORE".ljust(16), b"DROMOS".ljust(16))
ABORT = b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00"


def test_ten_thousand_associations_leave_neither_memory_nor_descriptors(gateway):
    gateway.destination("nobody", free_port())
    gateway.start()
    asyncio.run(associate(gateway.port, WARM_UP))
    eventually(lambda: associations(gateway) == 0, "all are gone")
    memory, descriptors = resident(gateway.process.pid), opened(gateway.process.pid)
    asyncio.run(associate(gateway.port, LOOPS))
    eventually(lambda: associations(gateway) == 0, "all are gone")
    eventually(lambda: opened(gateway.process.pid) <= descriptors, "their descriptors are closed")
    assert resident(gateway.process.pid) - memory < GROWTH


async def associate(port: int, number: int) -> None:
    """So many associations, each aborted once it stands."""
    left = iter(range(number))

    async def loop() -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUESTED)
            head = await reader.readexactly(6)
            assert head[0] == pdu.ASSOCIATE_AC
            writer.write(ABORT)
            await reader.read()  # until the other side closes
            writer.close()

    await asyncio.gather(*(loop() for _ in range(AT_A_TIME)))


def associations(gateway) -> int:
    for line in gateway.get("/metrics").splitlines():
        if line.startswith("dromos_associations "):
            return int(float(line.split()[-1]))
    raise AssertionError("the metric is gone")


def resident(pid: int) -> int:
    """KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def opened(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
