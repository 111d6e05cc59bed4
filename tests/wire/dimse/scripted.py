# SPDX-License-Identifier: Apache-2.0
"""A storage peer that misbehaves as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.outgoing import header
from dromos_gateway.dimse.pdu import AssociateRequest
from dromos_gateway.dimse.policy import OfferedContext


@dataclass
class Conversation:
    """The peer's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Say something."""
        self.writer.write(data)

    async def pdu(self) -> tuple[int, bytes]:
        """The next PDU: type, body."""
        kind, length = struct.unpack(">BxI", await self.reader.readexactly(6))
        return kind, await self.reader.readexactly(length)

    async def accept(
        self, decide: Callable[[OfferedContext], tuple[int, str]] | None = None, max_length: int = 16384
    ) -> AssociateRequest:
        """Accept the association; `decide` gives result and transfer syntax of a context."""
        kind, body = await self.pdu()
        assert kind == pdu.ASSOCIATE_RQ
        request = pdu.parse_request(body)
        results = [
            (each.context_id, *(decide(each) if decide else (0, each.transfer_syntaxes[0])))
            for each in request.contexts
        ]
        self.send(pdu.encode_accept(body, results, max_length))
        return request

    async def message(self) -> tuple[command.Command, bytes, list[int]]:
        """The next message: command, data set, and the lengths of the PDUs it came in."""
        parts = {True: bytearray(), False: bytearray()}
        lengths: list[int] = []
        found: command.Command | None = None
        while True:
            kind, body = await self.pdu()
            assert kind == pdu.DATA_TF, kind
            lengths.append(len(body))
            (length,) = struct.unpack_from(">I", body)
            assert length == len(body) - 4
            is_command, is_last = bool(body[5] & 1), bool(body[5] & 2)
            self.context_id = body[4]
            parts[is_command] += memoryview(body)[6:]
            if is_command and is_last:
                found = command.decode(parts[True])
            if is_last and found is not None and not (is_command and found.has_data_set):
                return found, bytes(parts[False]), lengths

    def answer(self, request: command.Command, status: int = 0, comment: str = "") -> None:
        """Respond to a C-STORE."""
        response = command.store_response(request, status, comment)
        self.send(header(self.context_id, len(response), is_command=True, is_last=True) + response)


@contextlib.asynccontextmanager
async def scripted(script: Callable[[Conversation], Awaitable[None]]) -> AsyncIterator[int]:
    """Serve every connection by `script`; gives the port. What the script asserts, the test asserts."""
    failures: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Conversation(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except Exception as error:
            failures.append(error)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
    assert failures == []
