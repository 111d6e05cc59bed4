# SPDX-License-Identifier: Apache-2.0
"""Whether a data set is the instance its command set announces, from its first elements alone.

PS3.4 B.2.3 has A900 for a data set that is another instance or another class, and C000 for one that cannot be read.
"""

from __future__ import annotations

import re
import struct
import zlib
from enum import Enum

from dromos_gateway.dimse import uids

MAX_HEAD = 64 * 1024

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_BEYOND, _BROKEN = -1, -2  # in place of an offset
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_VR = re.compile(rb"[A-Z]{2}")
_DEFLATED = frozenset((uids.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))


class Identity(Enum):
    """What the head of a data set shows."""

    Matches = "it is the announced instance"
    Differs = "it is another instance or class, or names none"
    Unreadable = "it is not a data set in this transfer syntax"
    Incomplete = "more bytes are needed"
    Unknown = "it cannot be told without decoding more than the head"


def identify(
    head: bytes | bytearray, transfer_syntax_uid: str, sop_class_uid: str, sop_instance_uid: str, *, complete: bool
) -> Identity:
    """Look for (0008,0016) and (0008,0018) in the first bytes; `complete`: there are no more."""
    if transfer_syntax_uid in _DEFLATED:
        try:
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(bytes(head), MAX_HEAD)
        except zlib.error:
            return Identity.Unreadable
    private = not transfer_syntax_uid.startswith("1.2.840.10008.")
    if private and len(head) >= 2 and head[:2] != b"\x08\x00":
        return Identity.Unknown  # a private transfer syntax may look like anything
    verdict = _scan(head, transfer_syntax_uid, sop_class_uid, sop_instance_uid, ends=complete)
    if verdict is Identity.Incomplete and (complete or len(head) >= MAX_HEAD):
        verdict = Identity.Unreadable
    return Identity.Unknown if private and verdict is Identity.Unreadable else verdict


def _scan(
    head: bytes | bytearray, transfer_syntax_uid: str, sop_class_uid: str, sop_instance_uid: str, *, ends: bool
) -> Identity:
    big_endian = transfer_syntax_uid == uids.EXPLICIT_VR_BIG_ENDIAN
    explicit = transfer_syntax_uid != uids.IMPLICIT_VR_LITTLE_ENDIAN
    if not transfer_syntax_uid.startswith("1.2.840.10008."):
        explicit = _VR.fullmatch(head[4:6]) is not None
    offset, previous = 0, 0
    while offset + 8 <= len(head):
        tag, start, length = _element(head, offset, explicit=explicit, big_endian=big_endian)
        # Group 0002 belongs to files, not to messages (PS3.10 7.1).
        if tag < 0x00080000 or tag <= previous or start < 0:
            return Identity.Unreadable
        if tag > _SOP_INSTANCE:
            return Identity.Differs
        if length == _UNDEFINED:  # a sequence before the UIDs, such as (0008,0006)
            end = _behind(head, start, *_within(head, offset, explicit, ">" if big_endian else "<"))
            if end < 0:
                return Identity.Incomplete if end == _BEYOND else Identity.Unreadable
            length = end - start
        previous, offset = tag, start + length
        expected = sop_class_uid if tag == _SOP_CLASS else sop_instance_uid if tag == _SOP_INSTANCE else None
        if offset > MAX_HEAD or (expected is not None and length > 66):
            return Identity.Unreadable
        if expected is None:
            continue
        if offset > len(head):
            return Identity.Incomplete
        if bytes(head[start:offset]).rstrip(b"\x00 ") != expected.encode("ascii", "replace"):
            return Identity.Differs
        if tag == _SOP_INSTANCE:
            return Identity.Matches
    # A data set that ends between two elements was readable, and named no instance.
    return Identity.Differs if ends and 0 < offset == len(head) else Identity.Incomplete


def _within(head: bytes | bytearray, offset: int, explicit: bool, order: str) -> tuple[bool, str]:
    """Whether what is in a sequence has VRs, and its byte order: neither is that of the rest in UN (PS3.5 6.2.2)."""
    unknown = explicit and bytes(head[offset + 4 : offset + 6]) == b"UN"
    return (False, "<") if unknown else (explicit, order)


def _behind(head: bytes | bytearray, offset: int, explicit: bool, order: str) -> int:
    """Where the sequence of undefined length ends whose value begins at `offset` (PS3.5 7.5).

    `_BEYOND`: behind the head; `_BROKEN`: it is no sequence. In one loop, so that no nesting is too deep for us.
    """
    within = [(explicit, order, _SEQUENCE_END)]  # innermost last: how it is encoded, what ends it
    while within:
        vrs, order, closing = within[-1]
        if offset + 8 > len(head):
            return _BEYOND
        group, element, length = struct.unpack_from(order + "HHI", head, offset)
        tag = group << 16 | element
        if tag == closing:
            within.pop()
            offset += 8
        elif closing == _SEQUENCE_END:
            if tag != _ITEM:
                return _BROKEN
            offset += 8
            if length == _UNDEFINED:
                within.append((vrs, order, _ITEM_END))
            else:
                offset += length
        else:
            _, start, length = _element(head, offset, explicit=vrs, big_endian=order == ">")
            if start < 0 or group == 0xFFFE:
                return _BROKEN
            if length == _UNDEFINED:
                within.append((*_within(head, offset, vrs, order), _SEQUENCE_END))
                offset = start
            else:
                offset = start + length
    return offset


def _element(head: bytes | bytearray, offset: int, *, explicit: bool, big_endian: bool) -> tuple[int, int, int]:
    """Tag, offset of the value and its length of the element at `offset`; -1 where a VR is missing."""
    order = ">" if big_endian else "<"
    group, element, length = struct.unpack_from(order + "HHI", head, offset)
    tag = group << 16 | element
    if not explicit:
        return tag, offset + 8, length
    vr = bytes(head[offset + 4 : offset + 6])
    if _VR.fullmatch(vr) is None:
        return tag, -1, 0
    if vr in _LONG_VRS:
        if offset + 12 > len(head):
            return tag, offset + 12, 0  # the value begins beyond the head: the caller ends there
        return tag, offset + 12, struct.unpack_from(order + "I", head, offset + 8)[0]
    return tag, offset + 8, struct.unpack_from(order + "H", head, offset + 6)[0]
