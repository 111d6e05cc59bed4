# SPDX-License-Identifier: Apache-2.0
"""Originals are sealed with the ForwardNode's key: readable to who has it, found again by a keyed hash."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from hashlib import blake2b
from os import urandom

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12  # bytes, random (NIST SP 800-38D §8.2.2)
LOOKED_UP = ("patient_id", "accession_number", "study_instance_uid", "series_instance_uid")
LOOKUP = 16  # bytes of a look-up hash


class Seal:
    """One ForwardNode's key, never shown."""

    __slots__ = ("_cipher", "_lookup")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(key, b"dromos transfer log: encryption", "sha256"))
        self._lookup = hmac.digest(key, b"dromos transfer log: look-up", "sha256")

    def close(self, values: Mapping[str, str]) -> bytes:
        """Encrypt and authenticate (AES-256-GCM)."""
        nonce = urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, json.dumps(values, separators=(",", ":")).encode(), None)

    def open(self, sealed: bytes) -> dict[str, str] | None:
        """What was sealed; None when it was with another key."""
        try:
            text = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except InvalidTag:
            return None
        return {str(name): str(value) for name, value in json.loads(text).items()}

    def lookup(self, name: str, value: str) -> bytes:
        """The hash under which a value of an attribute is found again."""
        return keyed_hash(self._lookup, name, value)


def keyed_hash(key: bytes, *parts: str) -> bytes:
    """A hash of several texts that says nothing without the key."""
    return blake2b("\x1f".join(parts).encode(errors="surrogatepass"), key=key[:64], digest_size=LOOKUP).digest()
