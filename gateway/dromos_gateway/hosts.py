# SPDX-License-Identifier: Apache-2.0
"""Addresses of the host names in `sources`, looked up ahead so that admitting a sender never waits for DNS."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable

log = logging.getLogger(__name__)

REFRESH = 60.0
_PATIENCE = 5.0


class Hosts:
    """Host names and the addresses they last had. A name that cannot be resolved any more keeps its addresses."""

    def __init__(self) -> None:
        self._addresses: dict[str, frozenset[str]] = {}
        self._wanted: frozenset[str] = frozenset()

    def matches(self, hostname: str, address: str) -> bool:
        """Whether a peer at `address` is `hostname`."""
        literal = _literal(hostname)
        if literal is not None:
            return literal == _literal(address)
        return address in self._addresses.get(hostname, frozenset())

    async def want(self, hostnames: Iterable[str]) -> None:
        """Know these names from now on."""
        self._wanted = frozenset(name for name in hostnames if _literal(name) is None)
        await self.refresh(only_new=True)

    async def refresh(self, *, only_new: bool = False) -> None:
        """Look all names up, or those never seen."""
        names = [name for name in self._wanted if not (only_new and name in self._addresses)]
        await asyncio.gather(*(self._look_up(name) for name in names))

    async def keep_fresh(self) -> None:
        """Look all names up now and then, for ever."""
        while True:
            await asyncio.sleep(REFRESH)
            await self.refresh()

    async def _look_up(self, name: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as error:
            log.warning("a source's host name cannot be resolved", extra={"host": name, "error": str(error)})
            return
        self._addresses[name] = frozenset(str(entry[4][0]).removeprefix("::ffff:") for entry in found)


def _literal(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
