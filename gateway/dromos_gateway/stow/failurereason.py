# SPDX-License-Identifier: Apache-2.0
"""Failure Reason (0008,1197) in a Store response: the standard's (PS3.18 Table I.2-2), and vendors' own."""

from __future__ import annotations

from dromos_gateway.delivery.outcome import Outcome, Refused, Sent, TryAgain
from dromos_gateway.dimse.status import PROCESSING_FAILURE, Verdict, classify, describe
from dromos_gateway.stow.report import Failed

_ATTRIBUTE_DIFFERS = 0x0106  # Kheops: not the study that it has under this UID
_NOT_AUTHORIZED = 0x0124  # of one instance, not of us as such: Kheops answers so for a series of somebody else's
_AZURE_STORED = 0xB00E  # 45070
_AZURE_BEING_STORED = 0xB00F  # 45071
_NAMES = {
    _ATTRIBUTE_DIFFERS: "invalid attribute value",
    0xC122: "referenced transfer syntax not supported",
    _AZURE_STORED: "already stored",
    _AZURE_BEING_STORED: "being stored by another request",
}


def read_failure(failure: Failed) -> Outcome:
    """What a failed instance's reason means for it."""
    reason = failure.reason
    if reason is None:
        return Refused("RefusedByPeer", "not stored; the server gives no failure reason")
    message = f"failure reason {_named(reason)}"
    if failure.attributes:
        message += f"; attributes {', '.join(failure.attributes)}"
    if reason == _AZURE_STORED:
        return Sent(message)
    if reason == _AZURE_BEING_STORED:
        return TryAgain(message, blames_destination=False)
    if reason & 0xF000 == 0xB000:
        return Refused("RefusedByPeer", message)  # a warning's code among the failures: somebody must look
    match classify(reason):
        case Verdict.Delivered | Verdict.DeliveredWithWarning if reason not in (0x0000, 0x0001, 0x0107, 0x0116):
            return Sent(message)  # 0111, duplicate: it is there
        case Verdict.Retry:
            return TryAgain(message, suspects_instance=reason == PROCESSING_FAILURE)
        case _:
            return Refused("RefusedByPeer", message)


def warning(reason: int) -> str:
    """A stored instance's Warning Reason (0008,1196), for people."""
    return f"warning reason {_named(reason)}"


def _named(reason: int) -> str:
    name = _NAMES.get(reason)
    return f"{reason:04X} {name}" if name is not None else describe(reason)
