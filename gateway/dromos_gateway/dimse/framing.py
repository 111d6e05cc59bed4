# SPDX-License-Identifier: Apache-2.0
"""Cuts a byte stream into PDUs and P-DATA into PDVs (PS3.8 9.3, Annex E), in place.

Fragments of messages are handed on as views of the receive buffer, as soon as any part of them is there; only control
PDUs are gathered. The reader never looks at a length it has not checked against its cap.
"""

from __future__ import annotations

import struct
from typing import Protocol

from dromos_gateway.dimse.pdu import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, ASSOCIATE_RQ, DATA_TF, RELEASE_RP, RELEASE_RQ

UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PDU_PARAMETER = 1, 2, 6
MAX_CARRY = 12  # longer than any incomplete header

_PDU_HEADER = struct.Struct(">BxI")
_PDV_HEADER = struct.Struct(">IBB")
_SHORT_PDUS = frozenset((ASSOCIATE_RJ, RELEASE_RQ, RELEASE_RP, ABORT))


class Violation(Exception):
    """The peer broke the protocol; source and reason are those of the A-ABORT it earns (PS3.8 table 9-26)."""

    def __init__(self, message: str, reason: int = 0, source: int = 2) -> None:
        super().__init__(message)
        self.source = source
        self.reason = reason


class Receiver(Protocol):
    """Takes what the reader finds. Any method may raise `Violation`, or set `reader.paused`."""

    def control_begins(self, kind: int) -> None:
        """A PDU other than P-DATA-TF begins: the place to refuse one that does not belong here."""

    def gathering(self, length: int) -> None:
        """Its body, as long as it may be, is about to be gathered."""

    def control(self, kind: int, body: bytes) -> None:
        """It is complete; the body comes without the six bytes of the header."""

    def data_begins(self) -> None:
        """A P-DATA-TF PDU begins."""

    def fragment_begins(self, context_id: int, is_command: bool) -> None:
        """A PDV's header was read."""

    def fragment(self, view: memoryview) -> None:
        """Some bytes of the PDV; the view lives until `feed` returns."""

    def fragment_ends(self, is_last: bool) -> None:
        """The PDV is complete; `is_last`: so is the command set or data set it belongs to."""


class PduReader:
    """Keeps the place in the stream between reads."""

    __slots__ = ("_body", "_body_left", "_is_last", "_kind", "_max_associate", "_max_pdu", "_pdu_left", "_pdv_left",
                 "_receiver", "paused")  # fmt: skip

    def __init__(self, receiver: Receiver, *, max_pdu: int, max_associate: int) -> None:
        self._receiver = receiver
        self._max_pdu = max_pdu
        self._max_associate = max_associate
        self._body = bytearray()
        self._body_left = 0
        self._kind = 0
        self._pdu_left = 0
        self._pdv_left = 0
        self._is_last = False
        self.paused = False

    @property
    def in_pdu(self) -> bool:
        """Whether a PDU has begun and is not complete."""
        return bool(self._pdu_left or self._pdv_left or self._body_left)

    def feed(self, view: memoryview) -> int:
        """Consume what can be consumed, and say how much that was.

        What is left is an incomplete header of fewer than `MAX_CARRY` bytes, or anything when `paused` was set; the
        caller puts it before the next bytes.
        """
        receiver = self._receiver
        position, end = 0, len(view)
        while position < end and not self.paused:
            if self._pdv_left:
                stop = min(end, position + self._pdv_left)
                self._pdv_left -= stop - position
                receiver.fragment(view[position:stop])
                position = stop
                if not self._pdv_left:
                    receiver.fragment_ends(self._is_last)
            elif self._pdu_left:
                if end - position < 6:
                    break
                self._begin_fragment(view, position)
                position += 6
            elif self._body_left:
                stop = min(end, position + self._body_left)
                self._body_left -= stop - position
                self._body += view[position:stop]
                position = stop
                if not self._body_left:
                    body, self._body = bytes(self._body), bytearray()
                    receiver.control(self._kind, body)
            else:
                if end - position < 6:
                    break
                self._begin_pdu(view, position)
                position += 6
        return position

    def _begin_pdu(self, view: memoryview, position: int) -> None:
        kind, length = _PDU_HEADER.unpack_from(view, position)
        if kind == DATA_TF:
            self._receiver.data_begins()
            if length < 6 or length > self._max_pdu:
                raise Violation(f"P-DATA-TF of {length} bytes", INVALID_PDU_PARAMETER)
            self._pdu_left = length
            return
        if not ASSOCIATE_RQ <= kind <= ABORT:
            raise Violation(f"unknown PDU type {kind:02X}H", UNRECOGNIZED_PDU)
        self._receiver.control_begins(kind)
        if kind in _SHORT_PDUS:
            fits = length == 4
        else:
            fits = 68 <= length <= self._max_associate if kind in (ASSOCIATE_RQ, ASSOCIATE_AC) else False
        if not fits:
            raise Violation(f"PDU of type {kind:02X}H with {length} bytes", INVALID_PDU_PARAMETER)
        self._receiver.gathering(length)
        self._kind = kind
        self._body_left = length

    def _begin_fragment(self, view: memoryview, position: int) -> None:
        length, context_id, control = _PDV_HEADER.unpack_from(view, position)
        if length < 2 or length + 4 > self._pdu_left:
            raise Violation(f"PDV of {length} bytes in {self._pdu_left} bytes of P-DATA-TF", INVALID_PDU_PARAMETER)
        self._pdu_left -= length + 4
        if 0 < self._pdu_left < 6:
            raise Violation("P-DATA-TF with bytes after its last PDV", INVALID_PDU_PARAMETER)
        self._pdv_left = length - 2
        self._is_last = bool(control & 2)
        self._receiver.fragment_begins(context_id, bool(control & 1))
        if not self._pdv_left:
            self._receiver.fragment_ends(self._is_last)
