# SPDX-License-Identifier: Apache-2.0
"""What a C-STORE status means for a queue (PS3.4 B.2.3, PS3.7 Annex C)."""

from __future__ import annotations

from enum import Enum

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
INVALID_OBJECT_INSTANCE = 0x0117
NO_SUCH_SOP_CLASS = 0x0118
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORIZED = 0x0124
RESOURCE_LIMITATION = 0x0213


class Verdict(Enum):
    """What to do with an instance after its response."""

    Delivered = "delivered"
    DeliveredWithWarning = "delivered with a warning"
    Retry = "retry"
    Permanent = "dead letter"
    Park = "park the destination until its configuration changes"


_EXACT = {
    SUCCESS: Verdict.Delivered,
    0x0001: Verdict.DeliveredWithWarning,  # PS3.7 C.4: requested optional attributes are not supported
    0x0107: Verdict.DeliveredWithWarning,  # attribute list error
    0x0116: Verdict.DeliveredWithWarning,  # attribute value out of range
    DUPLICATE_SOP_INSTANCE: Verdict.DeliveredWithWarning,  # it is there: what a retry after an unknown outcome meets
    PROCESSING_FAILURE: Verdict.Retry,
    NOT_AUTHORIZED: Verdict.Park,
    RESOURCE_LIMITATION: Verdict.Retry,
}


def classify(status: int) -> Verdict:
    """Read a C-STORE status. What the standard does not name is permanent, so that somebody looks at it."""
    exact = _EXACT.get(status)
    if exact is not None:
        return exact
    if status & 0xF000 == 0xB000:
        return Verdict.DeliveredWithWarning
    if status & 0xFF00 == 0xA700:
        return Verdict.Retry
    return Verdict.Permanent


def describe(status: int) -> str:
    """Name a status for people: ``A700 out of resources``."""
    name = _NAMES.get(status)
    if name is None:
        name = next((text for mask, value, text in _RANGES if status & mask == value), "unknown status")
    return f"{status:04X} {name}"


_NAMES = {
    SUCCESS: "success",
    0xB000: "coercion of data elements",
    0xB006: "elements discarded",
    0xB007: "data set does not match SOP class (warning)",
    PROCESSING_FAILURE: "processing failure",
    DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
    INVALID_OBJECT_INSTANCE: "invalid SOP instance",
    NO_SUCH_SOP_CLASS: "no such SOP class",
    SOP_CLASS_NOT_SUPPORTED: "SOP class not supported",
    NOT_AUTHORIZED: "not authorized",
    0x0210: "duplicate invocation",
    0x0211: "unrecognized operation",
    0x0212: "mistyped argument",
    RESOURCE_LIMITATION: "resource limitation",
}
_RANGES = (
    (0xFF00, 0xA700, "out of resources"),
    (0xFF00, 0xA900, "data set does not match SOP class"),
    (0xF000, 0xC000, "cannot understand"),
    (0xF000, 0xB000, "warning"),
)
