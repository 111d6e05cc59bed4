# SPDX-License-Identifier: Apache-2.0
"""Karnak's formulas (HMAC-SHA256 under the project's key), bit-exact: data that was released stays linkable."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

_WELL_KNOWN: Final = re.compile(r"1\.2\.840\.10008(?:\.[0-9]{1,20}){1,12}")
LONGEST_UID: Final = 64
_SCALE: Final = 1 << 48
_BLOCK: Final = 64  # bytes of SHA-256
# version 4 and variant 1 of a UUID, in its 128 bits
_FREE: Final = ~(0xF << 76 | 0x3 << 62)
_UUID_4: Final = 0x4 << 76 | 0x2 << 62


def mac(key: bytes, message: str) -> bytes:
    """HMAC-SHA256 of a text in UTF-8, 32 bytes."""
    begun, ending = _states(key)
    inner, outer = begun.copy(), ending.copy()
    inner.update(message.encode("utf-8", "surrogatepass"))
    outer.update(inner.digest())
    digest: bytes = outer.digest()
    return digest


@lru_cache(maxsize=64)
def _states(key: bytes) -> tuple[Any, Any]:
    """The two hashes of RFC 2104 when the key is in them: to copy them takes half as long as to begin anew."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    padded = key.ljust(_BLOCK, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in padded)), sha256(bytes(byte ^ 0x5C for byte in padded))


@lru_cache(maxsize=4096)
def hashed_uid(key: bytes, uid: str) -> str:
    """2.25. and a random-looking UUID (version 4, variant 1) made of the first 16 bytes of the MAC."""
    if not uid.strip():
        return ""
    return f"2.25.{int.from_bytes(mac(key, uid)[:16], 'big') & _FREE | _UUID_4}"


def is_well_known(uid: str) -> bool:
    """Whether it is one of the standard's own: a SOP class, a transfer syntax, a frame of reference of an atlas.

    Whatever is behind that root, as the standard adds to it every few months.
    """
    return len(uid) <= LONGEST_UID and _WELL_KNOWN.fullmatch(uid) is not None


def patient_id(key: bytes, pseudonym: str) -> str:
    """The first 16 bytes of the MAC as upper-case hexadecimal, without leading zeros: 1 to 32 characters."""
    return f"{int.from_bytes(mac(key, pseudonym)[:16], 'big'):X}"


def scaled(key: bytes, text: str, lowest: int, highest: int) -> int:
    """A number in [lowest, highest) that depends on the text."""
    number = int.from_bytes(mac(key, text)[:6], "big")
    # Karnak computes in double precision and cuts off towards zero; both numbers are exact here
    return int(number / _SCALE * (highest - lowest)) + lowest
