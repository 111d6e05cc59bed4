# SPDX-License-Identifier: Apache-2.0
"""A peer that says exactly the bytes a test gives it."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.outgoing import header
from dromos_gateway.dimse.policy import OfferedContext
from dromos_gateway.dimse.uids import VERIFICATION
from tests.wire.dimse.peers import CT, EXPLICIT

UID = "1.2.826.0.1.3680043.9.88"
STORE_CONTEXT, ECHO_CONTEXT, REFUSED_CONTEXT = 1, 3, 5
CONTEXTS = (
    OfferedContext(STORE_CONTEXT, CT, (EXPLICIT,)),
    OfferedContext(ECHO_CONTEXT, VERIFICATION, (EXPLICIT,)),
    OfferedContext(REFUSED_CONTEXT, "1.2.840.10008.5.1.4.1.2.2.1", (EXPLICIT,)),
)
REQUEST = pdu.encode_request("STORE", "ATTACKER", CONTEXTS, 16384)


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    """An element in Explicit VR Little Endian with a short length."""
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def uid_value(uid: str) -> bytes:
    return uid.encode() + b"\x00" * (len(uid) % 2)


def data_set(uid: str = UID, sop_class: str = CT, tail: bytes = b"") -> bytes:
    """The smallest data set that names its instance."""
    return element(8, 0x16, b"UI", uid_value(sop_class)) + element(8, 0x18, b"UI", uid_value(uid)) + tail


def pdv(data: bytes, *, is_command: bool, is_last: bool = True, context: int = STORE_CONTEXT) -> bytes:
    """A fragment in a P-DATA-TF of its own."""
    return header(context, len(data), is_command=is_command, is_last=is_last) + data


def store(
    content: bytes, *, uid: str = UID, sop_class: str = CT, message_id: int = 1, context: int = STORE_CONTEXT
) -> bytes:
    """A whole C-STORE message."""
    request = command.store_request(message_id, sop_class, uid)
    return pdv(request, is_command=True, context=context) + pdv(content, is_command=False, context=context)


def echo(message_id: int = 1) -> bytes:
    """A whole C-ECHO message."""
    return pdv(command.echo_request(message_id, VERIFICATION), is_command=True, context=ECHO_CONTEXT)


class Attacker:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Hand bytes to the kernel when it takes them."""
        self.writer.write(data)

    async def pdu(self) -> tuple[int, bytes]:
        """The next PDU from the other side: type, body."""
        async with asyncio.timeout(10):
            kind, length = struct.unpack(">BxI", await self.reader.readexactly(6))
            return kind, await self.reader.readexactly(length)

    async def associate(self) -> None:
        """Become an association."""
        self.send(REQUEST)
        kind, _ = await self.pdu()
        assert kind == pdu.ASSOCIATE_AC

    async def response(self) -> command.Command:
        """The next message, which must be a response in one PDV."""
        kind, body = await self.pdu()
        assert kind == pdu.DATA_TF, f"PDU type {kind} {body.hex()}"
        assert body[5] == 3
        return command.decode(body[6:])

    async def abort(self) -> tuple[int, int]:
        """The next PDU, which must be an A-ABORT, and then the end: source, reason."""
        kind, body = await self.pdu()
        assert kind == pdu.ABORT, f"PDU type {kind} {body.hex()}"
        await self.end()
        self.writer.transport.abort()
        return body[2], body[3]

    async def end(self) -> None:
        """Nothing more comes, and the connection is closed."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                assert await self.reader.read() == b""

    async def end_of_anything(self) -> None:
        """Whatever comes, the connection is closed in time."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                await self.reader.read()


@contextlib.asynccontextmanager
async def attacker(port: int) -> AsyncIterator[Attacker]:
    """Connect, and drop the connection at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Attacker(reader, writer)
    finally:
        writer.transport.abort()
