# SPDX-License-Identifier: Apache-2.0
"""The receiving half of a requested association: what the peer answers, and how the association ends."""

from __future__ import annotations

import asyncio
from typing import Any

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.errors import AssociationAborted, DimseError, PeerTimeout, PeerUnreachable, ProtocolViolation
from dromos_gateway.dimse.framing import UNEXPECTED_PDU, PduReader, Violation
from dromos_gateway.dimse.link import Link

_MAX_PDU = 256 * 1024
_MAX_ASSOCIATE = 64 * 1024

Answer = asyncio.Future[Any]


class Responses:
    """Reads PDUs and completes the one answer that is expected, or fails everything."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.link: Link | None = None
        self.failure: DimseError | None = None
        self._reader = PduReader(self, max_pdu=_MAX_PDU, max_associate=_MAX_ASSOCIATE)
        self._rest = b""
        self._answer: Answer | None = None
        self._associating = self._releasing = False
        self._expected = (0, 0)  # command field, message identifier
        self._command = bytearray()

    def expect_association(self) -> Answer:
        """The answer is an `AssociateAccept`, or (result, source, reason) of a rejection."""
        self._associating = True
        return self._new_answer()

    def expect(self, command_field: int, message_id: int) -> Answer:
        """The answer is a `Command`."""
        self._expected = (command_field, message_id)
        return self._new_answer()

    def expect_release(self) -> Answer:
        """The answer is None."""
        self._releasing = True
        return self._new_answer()

    async def wait(self, answer: Answer, timeout: float, what: str) -> Any:  # see expect…
        """Wait for an answer. PeerTimeout, or how the association ended."""
        try:
            async with asyncio.timeout(timeout):
                value = await answer
        except TimeoutError:
            raise PeerTimeout(f"{self.peer} did not answer {what} within {timeout:g} s") from None
        finally:
            self._answer = None
        if self.failure is not None:
            raise self.failure
        return value

    # --- what the link tells ---

    def received(self, view: memoryview) -> None:
        """Bytes have come."""
        if self._rest:
            view = memoryview(self._rest + view)
            self._rest = b""
        try:
            consumed = self._reader.feed(view)
        except Violation as violation:
            self._fail(
                ProtocolViolation(f"{self.peer} broke the protocol: {violation}"),
                pdu.encode_abort(violation.source, violation.reason),
            )
            return
        self._rest = bytes(view[consumed:])

    def lost(self, reason: str) -> None:
        """The connection is gone."""
        self._fail(PeerUnreachable(f"{self.peer}: connection lost: {reason}"))

    # --- what the reader finds ---

    def control_begins(self, kind: int) -> None:
        """Refuse a PDU that does not belong here."""
        fits = kind in (pdu.ASSOCIATE_AC, pdu.ASSOCIATE_RJ) if self._associating else kind == pdu.RELEASE_RQ
        if not (fits or kind == pdu.ABORT or (kind == pdu.RELEASE_RP and self._releasing)):
            raise Violation(f"unexpected PDU of type {kind:02X}H", UNEXPECTED_PDU)

    def gathering(self, length: int) -> None:
        """There is room for what one peer answers."""

    def control(self, kind: int, body: bytes) -> None:
        """Act on a complete control PDU."""
        if kind == pdu.ASSOCIATE_AC:
            try:
                accept = pdu.parse_accept(body)
            except pdu.Malformed as error:
                raise Violation(f"A-ASSOCIATE-AC: {error}", 6) from None
            self._associating = False
            self._complete(accept)
        elif kind == pdu.ASSOCIATE_RJ:
            self._complete((body[1], body[2], body[3]))
        elif kind == pdu.RELEASE_RP:
            self._complete(None)
        elif kind == pdu.RELEASE_RQ:
            self._fail(PeerUnreachable(f"{self.peer} released the association"), pdu.encode_release(pdu.RELEASE_RP))
        else:
            message = f"{self.peer} aborted the association (source {body[2]}, reason {body[3]})"
            self._fail(AssociationAborted(message, source=body[2], reason=body[3]))

    def data_begins(self) -> None:
        """Refuse P-DATA-TF before the association."""
        if self._associating:
            raise Violation("P-DATA-TF before A-ASSOCIATE-AC", UNEXPECTED_PDU)

    def fragment_begins(self, context_id: int, is_command: bool) -> None:
        """Responses to C-STORE and C-ECHO have no data set."""
        if not is_command:
            raise Violation("data set in a response", source=0)

    def fragment(self, view: memoryview) -> None:
        """Keep a piece of a command set."""
        if len(self._command) + len(view) > command.MAX_COMMAND:
            raise Violation(f"command set of more than {command.MAX_COMMAND} bytes", source=0)
        self._command += view

    def fragment_ends(self, is_last: bool) -> None:
        """Read the response."""
        if not is_last:
            return
        data, self._command = self._command, bytearray()
        try:
            response = command.decode(data)
        except command.Malformed as error:
            raise Violation(str(error), source=0) from None
        if self._answer is None or (response.field, response.message_id) != self._expected or response.has_data_set:
            raise Violation(f"unexpected message with command field {response.field:04X}H", source=0)
        self._complete(response)

    # --- inside ---

    def _new_answer(self) -> Answer:
        if self.failure is not None:
            raise self.failure
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def _complete(self, value: object) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(value)

    def _fail(self, failure: DimseError, last_words: bytes = b"") -> None:
        if self.failure is None:
            self.failure = failure
        self._reader.paused = True
        self._complete(None)
        if self.link is not None:
            self.link.close(last_words)
