# SPDX-License-Identifier: Apache-2.0
"""An association that we ask for: C-STORE and C-ECHO as SCU."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from ssl import SSLContext

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.command import Command
from dromos_gateway.dimse.errors import (
    AssociationRejected,
    ContextRefused,
    DimseError,
    PeerTimeout,
    PeerUnreachable,
)
from dromos_gateway.dimse.link import Link, connect
from dromos_gateway.dimse.outgoing import command_pdus, fragment_size
from dromos_gateway.dimse.patchwork import Patchwork
from dromos_gateway.dimse.policy import OfferedContext
from dromos_gateway.dimse.rejections import explain
from dromos_gateway.dimse.responses import Responses
from dromos_gateway.dimse.source import DataSetSource, send_buffer
from dromos_gateway.dimse.uids import VERIFICATION

_OFFERED_MAX_PDU = 256 * 1024  # what we take
_LARGEST_SENT_PDU = 256 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds."""

    connect: float = 10.0  # name, TCP and TLS
    associate: float = 15.0  # until A-ASSOCIATE-AC or -RJ
    response: float = 60.0  # from the last byte sent until the C-STORE or C-ECHO response
    send: float = 60.0  # the peer takes no byte for so long
    release: float = 5.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call."""

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str
    ssl: SSLContext | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    server_name: str = ""  # TLS server name to send and to check; empty: the host

    def __str__(self) -> str:
        return f"{self.called_ae_title} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A SOP class and the transfer syntaxes it is wanted in; each pair becomes a context of its own, 128 at most."""

    sop_class_uid: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file whose data set, from `data_set_offset` to `size` (None: the file's end), is sent byte for byte.

    With `patches` it is what they make of the file, and offset and size are of that.
    """

    path: Path
    data_set_offset: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size: int | None = None
    patches: Patchwork = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """The peer's answer to a C-STORE."""

    status: int
    error_comment: str = ""


class Association:
    """An established association. One `store` or `echo` at a time; others wait for their turn."""

    def __init__(
        self, peer: Peer, link: Link, responses: Responses, accepted: dict[tuple[str, str], int], size: int
    ) -> None:
        """Use `open` instead."""
        self._peer = peer
        self._link = link
        self._responses = responses
        self._accepted = accepted
        self._fragment_size = size
        self._buffer = send_buffer(size)
        self._message_ids = count()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, peer: Peer, contexts: Sequence[ProposedContext]) -> Association:
        """Connect and negotiate.

        PeerUnreachable, PeerTimeout, AssociationRejected, AssociationAborted, ProtocolViolation; ValueError for more
        than 128 presentation contexts.
        """
        offered = _offer(contexts)
        responses = Responses(str(peer))
        deadlines = peer.timeouts
        link = await connect(
            peer.host, peer.port, peer.ssl, peer.server_name or peer.host, deadlines.connect, responses
        )
        responses.link = link
        try:
            request = pdu.encode_request(peer.called_ae_title, peer.calling_ae_title, offered, _OFFERED_MAX_PDU)
            answer = responses.expect_association()
            await _send(link, responses, request, deadlines.send)
            accept = await responses.wait(answer, deadlines.associate, "A-ASSOCIATE")
        except BaseException:
            link.close(pdu.encode_abort(0, 0))
            raise
        if isinstance(accept, tuple):
            link.close()
            result, source, reason = accept
            raise AssociationRejected(
                f"{peer} rejected the association: {explain(*accept)}", result=result, source=source, reason=reason
            )
        proposed = {context.context_id: context for context in offered}
        accepted = {
            (proposed[context_id].abstract_syntax, syntax): context_id
            for context_id, (result, syntax) in accept.contexts.items()
            if result == pdu.ACCEPTANCE and context_id in proposed and syntax in proposed[context_id].transfer_syntaxes
        }
        return cls(peer, link, responses, accepted, fragment_size(accept.max_length, _LARGEST_SENT_PDU))

    def accepts(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether the peer accepted a presentation context for the pair."""
        return (sop_class_uid, transfer_syntax_uid) in self._accepted

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands, as far as is known."""
        return self._link.is_open

    async def store(self, instance: StoredObject) -> StoreResponse:
        """Send one instance and wait for its response.

        ContextRefused, and UnreadableObject before the first byte, leave the association usable (`is_open`); after any
        other error it is gone.
        """
        context_id = self._accepted.get((instance.sop_class_uid, instance.transfer_syntax_uid))
        if context_id is None:
            raise ContextRefused(
                f"{self._peer} accepted no presentation context for SOP class {instance.sop_class_uid} "
                f"in transfer syntax {instance.transfer_syntax_uid}"
            )
        async with self._turn:
            source = DataSetSource(instance.path, instance.data_set_offset, instance.size, instance.patches)
            try:
                return await self._store(instance, source, context_id)
            except BaseException:
                self.abort()
                raise
            finally:
                source.close()

    async def echo(self) -> int:
        """C-ECHO; the response's status. ContextRefused when verification was not proposed or not accepted."""
        context_id = next((value for (uid, _), value in self._accepted.items() if uid == VERIFICATION), None)
        if context_id is None:
            raise ContextRefused(f"{self._peer} accepted no presentation context for verification (C-ECHO)")
        async with self._turn:
            message_id = self._next_message_id()
            try:
                answer = self._responses.expect(command.C_ECHO_RSP, message_id)
                request = command_pdus(context_id, command.echo_request(message_id, VERIFICATION), self._fragment_size)
                await _send(self._link, self._responses, request, self._peer.timeouts.send)
                response: Command = await self._responses.wait(answer, self._peer.timeouts.response, "C-ECHO")
                return response.status
            except BaseException:
                self.abort()
                raise

    async def release(self) -> None:
        """End the association in order; never raises for what the peer does."""
        async with self._turn:
            if not self._link.is_open:
                return
            deadline = self._peer.timeouts.release
            try:
                answer = self._responses.expect_release()
                await _send(self._link, self._responses, pdu.encode_release(pdu.RELEASE_RQ), deadline)
                await self._responses.wait(answer, deadline, "A-RELEASE")
            except DimseError:
                pass  # everything that matters was answered before
            finally:
                self._link.close()

    def abort(self) -> None:
        """End it at once."""
        self._link.close(pdu.encode_abort(0, 0))

    async def _store(self, instance: StoredObject, source: DataSetSource, context_id: int) -> StoreResponse:
        message_id = self._next_message_id()
        answer = self._responses.expect(command.C_STORE_RSP, message_id)
        request = command.store_request(message_id, instance.sop_class_uid, instance.sop_instance_uid)
        start = command_pdus(context_id, request, self._fragment_size)
        buffer = self._buffer
        buffer[: len(start)] = start
        position = len(start)
        while True:
            end = source.fill(buffer, position, context_id, self._fragment_size)
            await _send(self._link, self._responses, buffer[:end], self._peer.timeouts.send)
            if not source.left:
                break
            position = 0
            await asyncio.sleep(0)  # a fast receiver must not starve the rest of the loop
        response: Command = await self._responses.wait(answer, self._peer.timeouts.response, "C-STORE")
        return StoreResponse(response.status, response.error_comment)

    def _next_message_id(self) -> int:
        return next(self._message_ids) % 0xFFFF + 1


def _offer(contexts: Sequence[ProposedContext]) -> list[OfferedContext]:
    pairs = dict.fromkeys((each.sop_class_uid, syntax) for each in contexts for syntax in each.transfer_syntaxes)
    if not 0 < len(pairs) <= pdu.MAX_CONTEXTS:
        raise ValueError(f"an association takes 1 to {pdu.MAX_CONTEXTS} presentation contexts, not {len(pairs)}")
    return [OfferedContext(2 * n + 1, uid, (syntax,)) for n, (uid, syntax) in enumerate(pairs)]


async def _send(link: Link, responses: Responses, data: memoryview | bytes, timeout: float) -> None:
    try:
        await link.send(data, timeout)
    except TimeoutError:
        raise PeerTimeout(f"{responses.peer} has taken no data for {timeout:g} s") from None
    except ConnectionError:
        raise responses.failure or PeerUnreachable(f"{responses.peer}: the connection is closed") from None
