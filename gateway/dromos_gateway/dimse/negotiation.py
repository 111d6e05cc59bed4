# SPDX-License-Identifier: Apache-2.0
"""What an association request gets: which contexts, or why not (PS3.8 9.3.3, 9.3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dromos_gateway.dimse import pdu, uids
from dromos_gateway.dimse.policy import (
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    OfferedContext,
    Rejection,
)


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """A presentation context in use."""

    abstract_syntax: str
    transfer_syntax: str


def negotiate(offered: Sequence[OfferedContext]) -> tuple[tuple[int, int, str], ...]:
    """(context identifier, result, transfer syntax) for each context, in order.

    Bytes are stored as they come, so every transfer syntax will do and the peer's first is taken: nothing has to be
    transcoded to be received. Anything but storage and verification is refused.
    """
    results = []
    for context in offered:
        syntax = next((uid for uid in context.transfer_syntaxes if uids.is_valid(uid)), None)
        if context.abstract_syntax != uids.VERIFICATION and not uids.is_storage(context.abstract_syntax):
            result = pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED
        elif syntax is None:
            result = pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED
        else:
            result = pdu.ACCEPTANCE
        # In a refusal the sub-item must be there and means nothing (PS3.8 table 9-18).
        results.append((context.context_id, result, syntax or uids.IMPLICIT_VR_LITTLE_ENDIAN))
    return tuple(results)


def objection(request: pdu.AssociateRequest) -> Rejection | None:
    """Why the request cannot be served, whoever asks."""
    if not request.protocol_version & 1:
        return Rejection(1, 2, 2, f"protocol version {request.protocol_version:04X}H")
    if request.application_context != uids.APPLICATION_CONTEXT:
        return Rejection(1, 1, 2, "another application context than DICOM's")
    if not _is_ae_title(request.called_ae_title):
        return Rejection(*CALLED_AE_TITLE_NOT_RECOGNIZED, "called AE title is empty or has forbidden characters")
    if not _is_ae_title(request.calling_ae_title):
        return Rejection(*CALLING_AE_TITLE_NOT_RECOGNIZED, "calling AE title is empty or has forbidden characters")
    return None


def _is_ae_title(title: str) -> bool:
    """PS3.5 6.2, VR AE: the default repertoire without backslash and control characters."""
    return bool(title) and title.isascii() and title.isprintable() and "\\" not in title
