# SPDX-License-Identifier: Apache-2.0
"""DIMSE command sets (PS3.7 6.3, E.1): group 0000 in Implicit VR Little Endian, for C-STORE and C-ECHO."""

from __future__ import annotations

import struct
from dataclasses import dataclass

C_STORE_RQ, C_STORE_RSP, C_ECHO_RQ, C_ECHO_RSP, C_CANCEL_RQ = 0x0001, 0x8001, 0x0030, 0x8030, 0x0FFF
MAX_COMMAND = 16 * 1024  # real ones have some 200 bytes

_NO_DATA_SET = 0x0101
_ELEMENT = struct.Struct("<HHI")
_SHORT = struct.Struct("<HHIH")
_STORE_PRIORITY_MEDIUM = 0x0000


class Malformed(ValueError):
    """The command set does not follow PS3.7."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command set as far as storage and verification read it. In a response `message_id` is the one answered."""

    field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool
    status: int
    error_comment: str


def decode(data: bytes | bytearray) -> Command:
    """Decode a command set."""
    elements: dict[int, bytes | bytearray] = {}
    offset, size = 0, len(data)
    while offset < size:
        if offset + 8 > size:
            raise Malformed("the command set ends in an element header")
        group, element, length = _ELEMENT.unpack_from(data, offset)
        offset += 8
        if group != 0x0000:
            raise Malformed(f"element of group {group:04X} in a command set")
        if length > size - offset:
            raise Malformed(f"command element (0000,{element:04X}) runs past the end")
        elements[element] = data[offset : offset + length]
        offset += length
    field = _short(elements, 0x0100)
    return Command(
        field=field,
        message_id=_short(elements, 0x0120 if field & 0x8000 or field == C_CANCEL_RQ else 0x0110),
        sop_class_uid=_text(elements, 0x0002),
        sop_instance_uid=_text(elements, 0x1000),
        has_data_set=_short(elements, 0x0800) != _NO_DATA_SET,
        status=_short(elements, 0x0900) if field & 0x8000 else 0,
        error_comment=_text(elements, 0x0902),
    )


def store_request(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Encode a C-STORE-RQ (PS3.7 9.3.1.1)."""
    return _group(
        _uid(0x0002, sop_class_uid),
        _SHORT.pack(0, 0x0100, 2, C_STORE_RQ),
        _SHORT.pack(0, 0x0110, 2, message_id),
        _SHORT.pack(0, 0x0700, 2, _STORE_PRIORITY_MEDIUM),
        _SHORT.pack(0, 0x0800, 2, 0x0001),
        _uid(0x1000, sop_instance_uid),
    )


def store_response(request: Command, status: int, comment: str = "") -> bytes:
    """Encode a C-STORE-RSP (PS3.7 9.3.1.2) with an Error Comment where there is something to say."""
    return _group(
        _uid(0x0002, request.sop_class_uid),
        _SHORT.pack(0, 0x0100, 2, C_STORE_RSP),
        _SHORT.pack(0, 0x0120, 2, request.message_id),
        _SHORT.pack(0, 0x0800, 2, _NO_DATA_SET),
        _SHORT.pack(0, 0x0900, 2, status),
        _comment(comment),
        _uid(0x1000, request.sop_instance_uid),
    )


def echo_request(message_id: int, sop_class_uid: str) -> bytes:
    """Encode a C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return _group(
        _uid(0x0002, sop_class_uid),
        _SHORT.pack(0, 0x0100, 2, C_ECHO_RQ),
        _SHORT.pack(0, 0x0110, 2, message_id),
        _SHORT.pack(0, 0x0800, 2, _NO_DATA_SET),
    )


def echo_response(request: Command, status: int) -> bytes:
    """Encode a C-ECHO-RSP (PS3.7 9.3.5.2)."""
    return _group(
        _uid(0x0002, request.sop_class_uid),
        _SHORT.pack(0, 0x0100, 2, C_ECHO_RSP),
        _SHORT.pack(0, 0x0120, 2, request.message_id),
        _SHORT.pack(0, 0x0800, 2, _NO_DATA_SET),
        _SHORT.pack(0, 0x0900, 2, status),
    )


def _group(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    if len(value) % 2:
        value += b"\x00"
    return _ELEMENT.pack(0, element, len(value)) + value


def _comment(comment: str) -> bytes:
    if not comment:
        return b""
    value = comment.encode("ascii", "replace")[:64]  # VR LO
    if len(value) % 2:
        value += b" "
    return _ELEMENT.pack(0, 0x0902, len(value)) + value


def _short(elements: dict[int, bytes | bytearray], element: int) -> int:
    value = elements.get(element)
    if value is None:
        raise Malformed(f"command element (0000,{element:04X}) is missing")
    if len(value) != 2:
        raise Malformed(f"command element (0000,{element:04X}) is not two bytes")
    return value[0] | value[1] << 8


def _text(elements: dict[int, bytes | bytearray], element: int) -> str:
    value = elements.get(element)
    return "" if value is None else value.decode("ascii", "replace").strip("\x00 ")
