# SPDX-License-Identifier: Apache-2.0
"""Which UIDs the wire accepts, and our own."""

from __future__ import annotations

import re

VERIFICATION = "1.2.840.10008.1.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

# Stable over releases: a destination that compares bytes must see the same file meta after an upgrade.
IMPLEMENTATION_CLASS_UID = "2.25.1625316133515117293017128424946043056"
IMPLEMENTATION_VERSION_NAME = "DROMOS"

_STANDARD = "1.2.840.10008."
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
# Query, retrieve and creation services that live under the storage root.
_NOT_STORAGE = frozenset(
    _STORAGE_ROOT + suffix for suffix in ("200.4", "200.5", "200.6", "201.2", "201.3", "201.4", "201.5", "201.6")
)
# Storage classes outside it: RT instructions, hanging protocols, palettes, implant templates, retired print.
_STORAGE_ELSEWHERE = frozenset(
    _STANDARD + suffix
    for suffix in (
        "5.1.4.34.1",
        "5.1.4.34.7",
        "5.1.4.34.10",
        "5.1.4.38.1",
        "5.1.4.39.1",
        "5.1.4.43.1",
        "5.1.4.44.1",
        "5.1.4.45.1",
        "5.1.1.27",
        "5.1.1.29",
        "5.1.1.30",
    )
)
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def is_valid(uid: str) -> bool:
    """Whether it is digits and dots of at most 64 characters (PS3.5 9.1).

    Leading zeros in a component are let through: old modalities write them, and the instance is none the worse for it.
    """
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None


def is_storage(sop_class_uid: str) -> bool:
    """Whether instances of the class can be kept and forwarded: every standard storage class, every private class."""
    if not is_valid(sop_class_uid):
        return False
    if not sop_class_uid.startswith(_STANDARD):
        return True
    if sop_class_uid.startswith(_STORAGE_ROOT):  # classes that are newer than this list, too
        return sop_class_uid not in _NOT_STORAGE
    return sop_class_uid in _STORAGE_ELSEWHERE
