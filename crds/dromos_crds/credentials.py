# SPDX-License-Identifier: Apache-2.0
"""What a value in a Secret must be to serve as a credential: one rule for `dromos validate` and the gateway.

The messages are the rest of a sentence that begins with where the value is; they never show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750 §2.1, b64token


class Unusable(ValueError):
    """The value cannot be sent."""


def line(value: bytes) -> str:
    """One line of text; the line break that an editor leaves at the end does not count. Unusable."""
    try:
        text = value.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Unusable("is not UTF-8 text") from None
    if any(ord(character) < 0x20 or character == "\x7f" for character in text):
        raise Unusable("has a line break or another control character")
    return text


def header_value(value: bytes) -> str:
    """A header's value (RFC 9110 §5.5). Unusable."""
    text = line(value)
    if not text.isascii():
        raise Unusable("has characters that no HTTP header has; only ASCII is sent")
    if text != text.strip():
        raise Unusable("begins or ends with a space, which HTTP leaves out")
    return text


def identity(value: bytes) -> str:
    """What says who a client is, or proves it; without it anybody would be meant. Unusable."""
    text = line(value)
    if not text:
        raise Unusable("is empty")
    return text


def some_bytes(value: bytes) -> str:
    """Any bytes, in hexadecimal digits; of nothing no key can be made. Unusable."""
    if not value.strip():
        raise Unusable("is empty")
    return value.hex()


def username(value: bytes) -> str:
    """A user name for HTTP Basic. Unusable."""
    text = identity(value)
    if ":" in text:
        raise Unusable("has a colon, which HTTP Basic cannot carry (RFC 7617)")
    return text


def token(value: bytes) -> str:
    """A bearer token. Unusable."""
    text = line(value)
    if not _TOKEN.fullmatch(text):
        raise Unusable("is not a bearer token (RFC 6750)")
    return text


# the keys that a webhook's Secret may have; with a token the login is not used
WEBHOOK: Mapping[str, Callable[[bytes], str]] = MappingProxyType(
    {"token": token, "username": username, "password": line}
)
