# SPDX-License-Identifier: Apache-2.0
"""Association control PDUs (PS3.8 9.3), encoded and decoded with a cap on everything a peer may repeat.

pynetdicom's classes are the oracle of the tests. They are not used here because they fail on item types they do not
know, which PS3.8 9.3.1 wants ignored, and read nested lengths only after copying what those announce.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dromos_gateway.dimse.policy import OfferedContext
from dromos_gateway.dimse.uids import APPLICATION_CONTEXT, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA_TF, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

ACCEPTANCE, USER_REJECTION, NO_REASON, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = range(5)

MAX_CONTEXTS = 128
_MAX_TRANSFER_SYNTAXES = 256  # in one context
_MAX_USER_ITEMS = 1024
_FIXED = struct.Struct(">H2x16s16s32x")
_HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")


class Malformed(ValueError):
    """The PDU's body does not follow PS3.8 9.3."""


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ. `max_length` is the largest P-DATA-TF the peer takes; 0 is unlimited."""

    protocol_version: int
    called_ae_title: str
    calling_ae_title: str
    application_context: str
    contexts: tuple[OfferedContext, ...]
    max_length: int


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC: per context identifier the result, and the transfer syntax where it is 0."""

    contexts: Mapping[int, tuple[int, str]]
    max_length: int


def parse_request(body: bytes) -> AssociateRequest:
    """Decode the body (without the six bytes of the header) of an A-ASSOCIATE-RQ."""
    version, called, calling = _fixed(body)
    application_context = ""
    contexts: list[OfferedContext] = []
    seen: set[int] = set()
    max_length = 0
    for kind, item in _items(body, _FIXED.size):
        if kind == 0x10:
            application_context = _uid(item)
        elif kind == 0x20:
            context = _offered(item)
            if context.context_id in seen:
                raise Malformed(f"presentation context {context.context_id} is proposed twice")
            if len(seen) == MAX_CONTEXTS:
                raise Malformed(f"more than {MAX_CONTEXTS} presentation contexts")
            seen.add(context.context_id)
            contexts.append(context)
        elif kind == 0x50:
            max_length = _max_length(item)
    if not contexts:
        raise Malformed("no presentation context")
    return AssociateRequest(
        version, _ae_title(called), _ae_title(calling), application_context, tuple(contexts), max_length
    )


def parse_accept(body: bytes) -> AssociateAccept:
    """Decode the body of an A-ASSOCIATE-AC."""
    _fixed(body)
    contexts: dict[int, tuple[int, str]] = {}
    max_length = 0
    for kind, item in _items(body, _FIXED.size):
        if kind == 0x21:
            if len(item) < 4:
                raise Malformed("presentation context item is too short")
            syntaxes = [_uid(value) for sub, value in _items(item, 4) if sub == 0x40]
            contexts[item[0]] = (item[2], syntaxes[0] if syntaxes else "")
        elif kind == 0x50:
            max_length = _max_length(item)
    return AssociateAccept(contexts, max_length)


def encode_request(
    called_ae_title: str, calling_ae_title: str, contexts: Sequence[OfferedContext], max_length: int
) -> bytes:
    """Encode an A-ASSOCIATE-RQ."""
    items = [_item(0x10, APPLICATION_CONTEXT.encode())]
    for context in contexts:
        syntaxes = b"".join(_item(0x40, uid.encode("ascii")) for uid in context.transfer_syntaxes)
        abstract = _item(0x30, context.abstract_syntax.encode("ascii"))
        items.append(_item(0x20, bytes((context.context_id, 0, 0, 0)) + abstract + syntaxes))
    items.append(_user_information(max_length))
    return _associate(ASSOCIATE_RQ, _padded(called_ae_title), _padded(calling_ae_title), items)


def encode_accept(body: bytes, results: Sequence[tuple[int, int, str]], max_length: int) -> bytes:
    """Encode an A-ASSOCIATE-AC to the request with this body: (context identifier, result, transfer syntax)."""
    items = [_item(0x10, APPLICATION_CONTEXT.encode())]
    items += [
        _item(0x21, bytes((context_id, 0, result, 0)) + _item(0x40, syntax.encode("ascii")))
        for context_id, result, syntax in results
    ]
    items.append(_user_information(max_length))
    return _associate(ASSOCIATE_AC, body[4:20], body[20:36], items)  # the titles come back as they were sent


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """Encode an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return _HEADER.pack(ASSOCIATE_RJ, 4) + bytes((0, result, source, reason))


def encode_abort(source: int, reason: int) -> bytes:
    """Encode an A-ABORT (PS3.8 9.3.8)."""
    return _HEADER.pack(ABORT, 4) + bytes((0, 0, source, reason))


def encode_release(kind: int) -> bytes:
    """Encode an A-RELEASE-RQ or -RP."""
    return _HEADER.pack(kind, 4) + bytes(4)


def _associate(kind: int, called: bytes, calling: bytes, items: Sequence[bytes]) -> bytes:
    body = _FIXED.pack(1, called, calling) + b"".join(items)
    return _HEADER.pack(kind, len(body)) + body


def _fixed(body: bytes) -> tuple[int, bytes, bytes]:
    if len(body) < _FIXED.size:
        raise Malformed("shorter than its fixed part")
    version, called, calling = _FIXED.unpack_from(body)
    return version, called, calling


def _items(body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Items or sub-items: type, reserved byte, two bytes of length, value."""
    while offset < len(body):
        if offset + 4 > len(body):
            raise Malformed("an item header runs past the end")
        kind, length = _ITEM.unpack_from(body, offset)
        offset += 4
        if offset + length > len(body):
            raise Malformed(f"item {kind:02X}H runs past the end")
        yield kind, body[offset : offset + length]
        offset += length


def _offered(item: bytes) -> OfferedContext:
    if len(item) < 4:
        raise Malformed("presentation context item is too short")
    if item[0] % 2 == 0:
        raise Malformed(f"presentation context identifier {item[0]} is even")
    abstract: list[str] = []
    syntaxes: list[str] = []
    for kind, value in _items(item, 4):
        if kind == 0x30:
            abstract.append(_uid(value))
        elif kind == 0x40:
            syntaxes.append(_uid(value))
    if len(abstract) != 1 or not syntaxes or len(syntaxes) > _MAX_TRANSFER_SYNTAXES:
        raise Malformed(f"presentation context {item[0]} needs one abstract syntax and 1-256 transfer syntaxes")
    return OfferedContext(item[0], abstract[0], tuple(syntaxes))


def _max_length(item: bytes) -> int:
    """Read the user information; of its sub-items only the maximum length (PS3.8 D.1) concerns us."""
    max_length = 0
    for count, (kind, value) in enumerate(_items(item, 0)):
        if count == _MAX_USER_ITEMS:
            raise Malformed(f"more than {_MAX_USER_ITEMS} user information items")
        if kind == 0x51:
            if len(value) != 4:
                raise Malformed("maximum length item is not four bytes")
            max_length = int.from_bytes(value, "big")
    return max_length


def _user_information(max_length: int) -> bytes:
    return _item(
        0x50,
        _item(0x51, struct.pack(">I", max_length))
        + _item(0x52, IMPLEMENTATION_CLASS_UID.encode())
        + _item(0x55, IMPLEMENTATION_VERSION_NAME.encode()),
    )


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").rstrip("\x00 ")


def _ae_title(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\x00 ")


def _padded(title: str) -> bytes:
    return title.encode("ascii", "replace").ljust(16)[:16]
