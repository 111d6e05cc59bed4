# SPDX-License-Identifier: Apache-2.0
"""Addresses of the host names in `sources`, looked up ahead so that admitting a sender never waits for DNS."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable

log = logging.getLogger(__name__)

# Names that a process looks up at a time: with libuv's four threads, a few that no server answers for hold up all
LOOKUPS = {"UV_THREADPOOL_SIZE": "128"}

REFRESH = 60.0
_PATIENCE = 5.0  # seconds that whoever wants a name waits, and after which one that is not known is asked for again


class Hosts:
    """Host names and the addresses they last had. A name that cannot be resolved any more keeps its addresses."""

    def __init__(self) -> None:
        self._addresses: dict[str, frozenset[str]] = {}
        self._wanted: frozenset[str] = frozenset()
        self._looking: dict[str, asyncio.Task[None]] = {}  # a lookup cannot be stopped; its answer counts however late
        self._failing: set[str] = set()

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
        """Look all names up, or those never seen; wait a while for the answers."""
        names = [name for name in self._wanted if not (only_new and name in self._addresses)]
        for name in names:
            if name not in self._looking:
                self._looking[name] = asyncio.create_task(self._look_up(name))
        if names:
            _, late = await asyncio.wait([self._looking[name] for name in names], timeout=_PATIENCE)
            for name in names:
                if self._looking.get(name) in late:
                    self._failed(name, "no answer yet")

    async def keep_fresh(self) -> None:
        """Look all names up now and then, and those that are not known more often, for ever."""
        while True:
            for _ in range(int(REFRESH / _PATIENCE)):
                await asyncio.sleep(_PATIENCE)
                await self.refresh(only_new=True)
            await self.refresh()

    async def _look_up(self, name: str) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError as error:
            self._failed(name, str(error))
        else:
            self._failing.discard(name)
            self._addresses[name] = frozenset(str(entry[4][0]).removeprefix("::ffff:") for entry in found)
        finally:
            del self._looking[name]

    def _failed(self, name: str, error: str) -> None:
        """Said once, until it is well again."""
        if name not in self._failing:
            self._failing.add(name)
            log.warning("a source's host name cannot be resolved", extra={"host": name, "error": error})


def _literal(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
