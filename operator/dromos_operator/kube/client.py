# SPDX-License-Identifier: Apache-2.0
"""What the operator needs of an API server: a small protocol, so that only one module knows the client library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dromos_operator.kinds import Key, Object

FIELD_MANAGER = "dromos-operator"


class Client(Protocol):
    """Reads and writes. Every method raises ApiError, and none takes longer than its timeout."""

    async def list(self, kind: str, namespace: str | None) -> list[Object]:
        """All objects of a kind that the operator watches, page by page."""

    async def get(self, key: Key) -> Object | None:
        """One object, or None when there is none."""

    async def apply(self, obj: Mapping[str, Any]) -> Object:
        """Server-side apply (KEP-555) by FIELD_MANAGER, by force: what the operator sets is the operator's."""

    async def apply_status(self, obj: Mapping[str, Any]) -> Object:
        """Server-side apply of the status subresource."""

    async def merge(self, key: Key, patch: Mapping[str, Any]) -> Object:
        """JSON merge patch (RFC 7386), for objects that are not the operator's own."""

    async def create(self, obj: Mapping[str, Any]) -> Object:
        """Create an object; ApiError with status 409 when the name is taken."""

    async def close(self) -> None:
        """Close the connections."""
