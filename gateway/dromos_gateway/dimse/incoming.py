# SPDX-License-Identifier: Apache-2.0
"""One instance on its way in: checks its identity while it streams, and turns every failure into a status."""

from __future__ import annotations

import logging
from collections.abc import Callable

from dromos_gateway.dimse import status
from dromos_gateway.dimse.identity import MAX_HEAD, Identity, identify
from dromos_gateway.dimse.policy import InstanceSink, StoreRequest, StoreStatus

_LOG = logging.getLogger("dromos.dimse")

_FIRST_LOOK = 2048  # nearly always enough; doubled up to MAX_HEAD
_REFUSALS = {
    Identity.Differs: StoreStatus(
        status.DATA_SET_DOES_NOT_MATCH, "SOP class or instance UID is not that of the data set"
    ),
    Identity.Unreadable: StoreStatus(status.CANNOT_UNDERSTAND, "data set unreadable in the negotiated transfer syntax"),
}
_CANNOT_KEEP = StoreStatus(status.OUT_OF_RESOURCES, "cannot be stored now, try again later")
_FAILED = StoreStatus(status.PROCESSING_FAILURE, "internal error, see the gateway's log")


class Incoming:
    """Feeds an `InstanceSink`; once refused, it only swallows the rest of the data set."""

    __slots__ = ("_head", "_next_look", "_refusal", "_request", "_sink", "_verified")

    def __init__(self, request: StoreRequest, target: InstanceSink | StoreStatus) -> None:
        self._request = request
        self._head = bytearray()
        self._next_look = _FIRST_LOOK
        self._verified = False
        self._sink = None if isinstance(target, StoreStatus) else target
        self._refusal = target if isinstance(target, StoreStatus) else None

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes of the data set."""
        if self._sink is None:
            return
        if not self._verified:
            self._look_at(fragment)
            if self._sink is None:
                return
        try:
            self._sink.write(fragment)
        except Exception as error:
            self._failed(error)

    def flush(self) -> None:
        """The memory that the bytes came in is about to be used again."""
        if self._sink is not None:
            try:
                self._sink.flush()
            except Exception as error:
                self._failed(error)

    def finish(self, answer: Callable[[StoreStatus], None]) -> None:
        """The data set is complete: make it durable and say how it went."""
        if self._sink is not None and not self._verified:
            self._judge(self._identify(complete=True))
        if self._sink is None:
            answer(self._refusal or _FAILED)
            return
        try:
            self._sink.finish(answer)
        except OSError as error:
            _LOG.warning("an instance could not be made durable", extra=_said(error))
            answer(_CANNOT_KEEP)
        except Exception:
            _LOG.exception("the sink of an instance failed")
            answer(_FAILED)

    def abandon(self) -> None:
        """The association died in the middle of the object."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        try:
            sink.abandon()
        except Exception:
            _LOG.exception("the sink of an instance could not be abandoned")

    def _look_at(self, fragment: memoryview) -> None:
        taken = 0
        while not self._verified and taken < len(fragment):
            part = fragment[taken : taken + self._next_look - len(self._head)]
            self._head += part
            taken += len(part)
            if len(self._head) < self._next_look:
                return
            self._judge(self._identify(complete=self._next_look == MAX_HEAD))
            self._next_look *= 2

    def _identify(self, *, complete: bool) -> Identity:
        wanted = self._request
        return identify(
            self._head, wanted.transfer_syntax_uid, wanted.sop_class_uid, wanted.sop_instance_uid, complete=complete
        )

    def _judge(self, identity: Identity) -> None:
        if identity is Identity.Incomplete:
            return
        self._verified = True
        self._head = bytearray()
        refusal = _REFUSALS.get(identity)
        if refusal is not None:
            self._refuse(refusal)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, OSError):
            _LOG.warning("an instance could not be written", extra=_said(error))
            self._refuse(_CANNOT_KEEP)
        else:
            _LOG.error("the sink of an instance failed", exc_info=error)
            self._refuse(_FAILED)

    def _refuse(self, refusal: StoreStatus) -> None:
        self._refusal = refusal
        self.abandon()


def _said(error: OSError) -> dict[str, str]:
    return {"error": error.strerror or type(error).__name__}
