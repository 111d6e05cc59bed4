# SPDX-License-Identifier: Apache-2.0
"""Sockets to listen on: all addresses of a host on one port; without one, IPv4 and IPv6, where the kernel has both."""

from __future__ import annotations

import asyncio
import errno
import socket

_BACKLOG = 1024
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL)


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listen; port 0 chooses a free one. OSError when an address cannot be bound; without a host, when none can be."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listening: list[socket.socket] = []
    lacking: OSError | None = None
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            chosen = int(listening[0].getsockname()[1]) if listening else port
            try:
                listening.append(_bound(family, (address[0], chosen, *address[2:])))
            except OSError as error:
                if host or error.errno not in _NO_SUCH_FAMILY:
                    raise
                lacking = error  # a kernel without IPv6, or, one day, without IPv4
        if not listening and lacking is not None:
            raise lacking
    except OSError:
        for each in listening:
            each.close()
        raise
    return listening


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
