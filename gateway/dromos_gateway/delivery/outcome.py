# SPDX-License-Identifier: Apache-2.0
"""What an attempt came to: the peer's answer, or its silence, in terms of a queue."""

from __future__ import annotations

from dataclasses import dataclass

from dromos_gateway.dimse.errors import AssociationRejected, ContextRefused, DimseError, UnreadableObject
from dromos_gateway.dimse.requestor import StoreResponse
from dromos_gateway.dimse.status import PROCESSING_FAILURE, Verdict, classify, describe

_READ_ATTEMPTS = 5
TRANSFER_SYNTAX_REFUSED = "TransferSyntaxRefused"
_WORDS = "; the peer says: "  # what is behind it may quote the instance


@dataclass(frozen=True, slots=True)
class Sent:
    """The peer has it."""

    warning: str = ""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not now. The outcome may be unknown: sending again is harmless, the bytes are the same."""

    message: str
    blames_destination: bool = True  # counts against the destination, not the instance
    refuses_us: bool = False  # it refuses us as such, until somebody changes a configuration
    retry_after: float | None = None  # seconds that the destination shall be left alone for, all of it
    attempted: bool = True  # False: it did not come to an attempt, which therefore is not counted
    suspects_instance: bool = False  # it happened over this instance: should that go on, the instance is to blame


@dataclass(frozen=True, slots=True)
class Refused:
    """Never, as things are: a dead letter."""

    reason: str
    message: str


Outcome = Sent | TryAgain | Refused


def read_response(response: StoreResponse) -> Outcome:
    """Read a C-STORE response (PS3.4 B.2.3)."""
    verdict = classify(response.status)
    if verdict is Verdict.Delivered:
        return Sent()
    message = describe(response.status) + (f"{_WORDS}{response.error_comment}" if response.error_comment else "")
    if verdict is Verdict.DeliveredWithWarning:
        return Sent(message)
    if verdict is Verdict.Permanent:
        return Refused("RefusedByPeer", message)
    suspects = response.status == PROCESSING_FAILURE
    return TryAgain(message, refuses_us=verdict is Verdict.Park, suspects_instance=suspects)


def in_our_words(message: str) -> str:
    """A message for logs and status: an Error Comment (PS3.7 C.4) may name a patient, so it stays in the ledger."""
    return message.partition(_WORDS)[0]


def read_error(error: DimseError, attempts: int, *, sending: bool = False) -> Outcome:
    """Read the failure of an association; `attempts` counts this one. `sending`: the association stood before."""
    if isinstance(error, ContextRefused):
        return Refused(TRANSFER_SYNTAX_REFUSED, str(error))
    if isinstance(error, UnreadableObject):
        return read_unreadable(str(error), attempts)
    permanent = isinstance(error, AssociationRejected) and not error.transient
    return TryAgain(str(error), refuses_us=permanent, suspects_instance=sending)


def read_unreadable(message: str, attempts: int) -> Outcome:
    """A file of the spool that could not be read: tried again a few times, then a dead letter."""
    if attempts >= _READ_ATTEMPTS:
        return Refused("SpoolFileUnreadable", message)
    return TryAgain(message, blames_destination=False)
