# SPDX-License-Identifier: Apache-2.0
"""The acceptor's half of one association: PS3.8 9.2 for the upper layer, PS3.7 for C-STORE and C-ECHO."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from dromos_gateway.dimse import command, pdu, status
from dromos_gateway.dimse.command import Command
from dromos_gateway.dimse.connection import LOG, Connection, Owner
from dromos_gateway.dimse.framing import INVALID_PDU_PARAMETER, UNEXPECTED_PDU, Receiver, Violation
from dromos_gateway.dimse.incoming import Incoming
from dromos_gateway.dimse.negotiation import AcceptedContext, negotiate, objection
from dromos_gateway.dimse.outgoing import command_pdus, fragment_size
from dromos_gateway.dimse.policy import (
    TEMPORARY_CONGESTION,
    Admission,
    AssociationRequest,
    InstanceSink,
    Rejection,
    StoreRequest,
    StoreStatus,
)
from dromos_gateway.dimse.sockets import Quickack
from dromos_gateway.dimse.uids import VERIFICATION, is_valid

_FAILED = StoreStatus(status.PROCESSING_FAILURE, "internal error, see the gateway's log")
_CANNOT_KEEP = StoreStatus(status.OUT_OF_RESOURCES, "cannot be stored now, try again later")
_NO_DATA_SET = StoreStatus(status.CANNOT_UNDERSTAND, "C-STORE without a data set")
_INVALID_UID = StoreStatus(status.INVALID_OBJECT_INSTANCE, "Affected SOP Instance UID is not a UID")
_OTHER_CLASS = StoreStatus(status.SOP_CLASS_NOT_SUPPORTED, "SOP class is not that of the presentation context")
_NOT_STORABLE = StoreStatus(status.SOP_CLASS_NOT_SUPPORTED, "SOP class is not one of storage")
_USUAL_REQUEST = 32 * 1024  # bytes of an A-ASSOCIATE-RQ that everybody may send; storescu's has 15,000


class Session(Connection):
    """What the peer says, and our answers."""

    def __init__(self, owner: Owner, quickack: Quickack, peer_host: str) -> None:
        super().__init__(owner, quickack, peer_host)
        self._request: pdu.AssociateRequest | None = None
        self._admission: Admission | None = None
        self._contexts: dict[int, AcceptedContext] = {}
        self._fragment_size = 0
        self._room_taken = 0  # for a long request that is still coming
        # The message in progress.
        self._message_since: float | None = None
        self._message_bytes = 0
        self._context_id = 0
        self._receiving_command = True
        self._command = bytearray()
        self._store: Command | None = None  # its data set is coming
        self._incoming: Incoming | None = None
        self._finishing = False

    @property
    def idle_for(self) -> float:
        """Seconds since the last byte; 0 while a message is in progress."""
        if self._message_since is not None or self._finishing:
            return 0.0
        return self._loop.time() - self._last_read

    @property
    def finishing(self) -> bool:
        """Whether an instance is being made durable."""
        return self._finishing

    @property
    def admission(self) -> Admission | None:
        """What the policy said; None before there is an association."""
        return self._admission

    # --- what the connection asks ---

    def _receiver(self) -> Receiver:
        return self

    def _is_waiting(self) -> bool:
        return self._finishing

    def _overdue(self, now: float) -> tuple[float, str]:
        limits = self._limits
        if self._admission is None:
            return self._opened_at + limits.request_timeout, ""
        if self._finishing:
            return now + limits.idle_timeout, ""
        if self._message_since is not None:
            elapsed = now - self._message_since
            if elapsed > limits.idle_timeout and self._message_bytes < elapsed * limits.min_bytes_per_second:
                return now, f"a message came with fewer than {limits.min_bytes_per_second} bytes a second"
        return self._last_read + limits.idle_timeout, f"nothing came for {limits.idle_timeout:g} s"

    def _abandon(self) -> None:
        self._give_room_back()
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            self._log("the association ended in the middle of an object")
            incoming.abandon()

    def _let_go(self) -> None:
        if self._incoming is not None:
            self._incoming.flush()

    def _whoami(self) -> str:
        return self._request.calling_ae_title if self._request is not None else ""

    # --- what the reader finds ---

    def control_begins(self, kind: int) -> None:
        """Refuse a PDU that does not belong here before its body is read (PS3.8 table 9-10)."""
        associated = self._admission is not None
        if (
            kind == pdu.ABORT
            or (kind == pdu.RELEASE_RQ and associated)
            or (kind == pdu.ASSOCIATE_RQ and not associated)
        ):
            return
        raise Violation(f"unexpected PDU of type {kind:02X}H", UNEXPECTED_PDU)

    def gathering(self, length: int) -> None:
        """Refuse a long request while many others are coming: they are nobody's yet, and all together would be much."""
        if length <= _USUAL_REQUEST:
            return
        if self._owner.requests.take(length):
            self._room_taken = length
        else:
            self._reject(Rejection(*TEMPORARY_CONGESTION, "too many long requests are coming at once"))

    def control(self, kind: int, body: bytes) -> None:
        """Act on a complete control PDU."""
        self._give_room_back()
        if kind == pdu.ASSOCIATE_RQ:
            self._associate(body)
        elif kind == pdu.RELEASE_RQ:
            self._close_after(pdu.encode_release(pdu.RELEASE_RP))
        else:
            if self._admission is not None:
                self._log("peer aborted the association", source=body[2], reason=body[3])
            self._close_after(b"")

    def data_begins(self) -> None:
        """Refuse P-DATA-TF before an association."""
        if self._admission is None:
            raise Violation("P-DATA-TF before an association", UNEXPECTED_PDU)

    def fragment_begins(self, context_id: int, is_command: bool) -> None:
        """Check that the PDV continues the message in progress, or begins one."""
        if self._message_since is None:
            if context_id not in self._contexts:
                raise Violation(f"PDV for presentation context {context_id}, not accepted", INVALID_PDU_PARAMETER)
            self._message_since = self._last_read
            self._message_bytes = 0
            self._context_id = context_id
        elif context_id != self._context_id:
            raise Violation("a second message begins before the first is complete", source=0)
        if is_command is not (self._store is None):
            raise Violation("command within a data set" if is_command else "data set before its command", source=0)
        self._receiving_command = is_command

    def fragment(self, view: memoryview) -> None:
        """Keep a piece of a command set, hand on a piece of a data set."""
        self._message_bytes += len(view)
        if not self._receiving_command:
            if self._incoming is not None:
                self._incoming.write(view)
            return
        if len(self._command) + len(view) > command.MAX_COMMAND:
            raise Violation(f"command set of more than {command.MAX_COMMAND} bytes", source=0)
        self._command += view

    def fragment_ends(self, is_last: bool) -> None:
        """Act on a complete command set or data set."""
        if not is_last:
            return
        if self._receiving_command:
            data, self._command = self._command, bytearray()
            self._act_on(data)
            return
        message, incoming = self._store, self._incoming
        self._store = self._incoming = self._message_since = None
        if message is not None and incoming is not None:
            self._reader.paused = self._finishing = True
            incoming.finish(partial(self._finished, message))

    # --- association ---

    def _associate(self, body: bytes) -> None:
        try:
            request = pdu.parse_request(body)
        except pdu.Malformed as error:
            raise Violation(f"A-ASSOCIATE-RQ: {error}", INVALID_PDU_PARAMETER) from None
        self._request = request
        answer = objection(request) or self._owner.objection() or self._ask_policy(request)
        if isinstance(answer, Rejection):
            self._reject(answer)
            return
        results = negotiate(request.contexts)
        for offered, (context_id, result, syntax) in zip(request.contexts, results, strict=True):
            if result == pdu.ACCEPTANCE:
                self._contexts[context_id] = AcceptedContext(offered.abstract_syntax, syntax)
        self._fragment_size = fragment_size(request.max_length, command.MAX_COMMAND)
        self._request = replace(request, contexts=())  # a long list, and nobody asks for it again
        self._admission = answer
        self._owner.associated(self)
        self._look_again()
        self._write(pdu.encode_accept(body, results, self._limits.max_pdu))

    def _reject(self, answer: Rejection) -> None:
        code = f"{answer.result}/{answer.source}/{answer.reason}"
        self._log("association rejected", code=code, why=answer.message)
        self._owner.rejected(answer)
        self._close_after(pdu.encode_reject(answer.result, answer.source, answer.reason))

    def _give_room_back(self) -> None:
        taken, self._room_taken = self._room_taken, 0
        self._owner.requests.give_back(taken)

    def _ask_policy(self, request: pdu.AssociateRequest) -> Admission | Rejection:
        question = AssociationRequest(
            request.called_ae_title, request.calling_ae_title, self._peer_host, request.contexts
        )
        try:
            return self._owner.policy.admit(question)
        except Exception:
            LOG.exception("the policy failed to decide on an association")
            return Rejection(*TEMPORARY_CONGESTION, "internal error")

    # --- messages ---

    def _act_on(self, data: bytearray) -> None:
        try:
            message = command.decode(data)
        except command.Malformed as error:
            raise Violation(str(error), source=0) from None
        if message.field == command.C_STORE_RQ:
            self._begin_store(message)
        elif message.field == command.C_ECHO_RQ and not message.has_data_set:
            self._message_since = None
            self._answer(command.echo_response(message, status.SUCCESS))
        elif message.field == command.C_CANCEL_RQ and not message.has_data_set:
            self._message_since = None  # nothing here can be cancelled (PS3.7 9.3.2.3)
        else:
            raise Violation(f"command field {message.field:04X}H is neither C-STORE nor C-ECHO", source=0)

    def _begin_store(self, message: Command) -> None:
        if not message.has_data_set:
            self._message_since = None
            self._answer_store(message, _NO_DATA_SET)
            return
        assert self._request is not None  # noqa: S101  # a message has come, so there is an association
        request = StoreRequest(
            message.sop_class_uid,
            message.sop_instance_uid,
            self._contexts[self._context_id].transfer_syntax,
            self._request.calling_ae_title,
            self._request.called_ae_title,
            self._peer_host,
            message.message_id,
        )
        self._store = message
        self._incoming = Incoming(request, self._target(request))

    def _target(self, request: StoreRequest) -> InstanceSink | StoreStatus:
        if request.sop_class_uid != self._contexts[self._context_id].abstract_syntax:
            return _OTHER_CLASS
        if request.sop_class_uid == VERIFICATION:
            return _NOT_STORABLE
        if not is_valid(request.sop_instance_uid):
            return _INVALID_UID
        assert self._admission is not None  # noqa: S101  # likewise
        try:
            return self._owner.policy.begin(self._admission, request)
        except OSError as error:
            LOG.warning("no room for an instance", extra={"error": error.strerror or type(error).__name__})
            return _CANNOT_KEEP
        except Exception:
            LOG.exception("the policy failed to begin an instance")
            return _FAILED

    def _finished(self, message: Command, outcome: StoreStatus) -> None:
        if not self._finishing:
            return
        self._finishing = False
        if self._closing:  # it is stored all the same; the peer will send it again
            return
        self._reader.paused = False
        self._answer_store(message, outcome)
        if not self._consuming:
            self._go_on()

    def _answer_store(self, message: Command, outcome: StoreStatus) -> None:
        if outcome.code not in (status.SUCCESS, status.OUT_OF_RESOURCES):  # the latter is said by who is short of them
            self._log("instance refused", status=f"{outcome.code:04X}", why=outcome.comment)
        self._answer(command.store_response(message, outcome.code, outcome.comment))

    def _answer(self, response: bytes) -> None:
        self._write(command_pdus(self._context_id, response, self._fragment_size))
