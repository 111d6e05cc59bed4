# SPDX-License-Identifier: Apache-2.0
"""Karnak's formulas (HMAC-SHA256 under the project's key), bit-exact: data that was released stays linkable."""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import Final

WELL_KNOWN: Final = "1.2.840.10008."
_SCALE: Final = 1 << 48


def mac(key: bytes, message: str) -> bytes:
    """HMAC-SHA256 of a text in UTF-8, 32 bytes."""
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), "sha256")


@lru_cache(maxsize=4096)
def hashed_uid(key: bytes, uid: str) -> str:
    """2.25. and a random-looking UUID (version 4, variant 1) made of the first 16 bytes of the MAC."""
    if not uid.strip():
        return ""
    number = bytearray(mac(key, uid)[:16])
    number[6] = number[6] & 0x0F | 0x40
    number[8] = number[8] & 0x3F | 0x80
    return f"2.25.{int.from_bytes(number, 'big')}"


def patient_id(key: bytes, pseudonym: str) -> str:
    """The first 16 bytes of the MAC as upper-case hexadecimal, without leading zeros: 1 to 32 characters."""
    return f"{int.from_bytes(mac(key, pseudonym)[:16], 'big'):X}"


def scaled(key: bytes, text: str, lowest: int, highest: int) -> int:
    """A number in [lowest, highest) that depends on the text."""
    number = int.from_bytes(mac(key, text)[:6], "big")
    # Karnak computes in double precision and cuts off towards zero; both numbers are exact here
    return int(number / _SCALE * (highest - lowest)) + lowest
