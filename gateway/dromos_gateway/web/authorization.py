# SPDX-License-Identifier: Apache-2.0
"""What stands in the Authorization header: nothing, Basic (RFC 7617), a bearer token (RFC 6750).

OAuth 2.0 is in `oauth2`.
"""

from __future__ import annotations

import base64
import re
from typing import Protocol

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


class InvalidCredential(ValueError):
    """A user name, password, token or header cannot be sent. The message says which, and never shows it."""


class Authorization(Protocol):
    """Where the Authorization header's value comes from."""

    async def header(self) -> str | None:
        """The value; None: no such header. TokenUnavailable."""
        ...

    async def renew(self, refused: str) -> bool:
        """The server refused this value: whether there is another one to try. TokenUnavailable."""
        ...

    def doubt(self, used: str) -> None:
        """The connection was lost: the answer may have been that this value is refused."""


class Fixed:
    """One value, until the configuration changes."""

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    async def header(self) -> str | None:
        """The value, or None."""
        return self._value

    async def renew(self, refused: str) -> bool:
        """There is no other one."""
        return False

    def doubt(self, used: str) -> None:
        """Nor now."""


def basic(username: str, password: str) -> Fixed:
    """User name and password. InvalidCredential."""
    return Fixed(basic_value(username, password))


def basic_value(username: str, password: str) -> str:
    """The header's value for a user name and a password. InvalidCredential."""
    if ":" in username:
        raise InvalidCredential("a user name with a colon cannot be sent by HTTP Basic (RFC 7617)")
    if _CONTROL.search(username + password):
        raise InvalidCredential("user name or password have a line break or another control character")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def bearer(token: str) -> Fixed:
    """A token. InvalidCredential."""
    return Fixed(bearer_value(token))


def bearer_value(token: str) -> str:
    """The header's value for a token. InvalidCredential."""
    if not _BEARER.fullmatch(token):
        raise InvalidCredential("the token is empty or has characters that no bearer token has (RFC 6750)")
    return f"Bearer {token}"
