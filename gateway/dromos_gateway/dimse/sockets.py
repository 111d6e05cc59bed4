# SPDX-License-Identifier: Apache-2.0
"""TCP options without which a peer that leaves Nagle's algorithm on waits 40 ms for every instance.

Such a peer (DCMTK by default, many modalities) holds its last small segment until the one before is acknowledged, and
Linux delays that acknowledgement. TCP_QUICKACK sends it at once, but is not permanent: it is re-armed after each read.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

Quickack = Callable[[], None]

_TCP_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux only


def tune(sock: socket.socket) -> None:
    """Set what stays set: no Nagle on our side, keep-alive probes for peers that vanish."""
    with contextlib.suppress(OSError):  # not TCP, or already reset: the next read says so
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def quickack(sock: socket.socket) -> Quickack:
    """Give the function that re-arms TCP_QUICKACK on `sock`."""
    option = _TCP_QUICKACK
    if option is None:
        return lambda: None
    set_option, level = sock.setsockopt, socket.IPPROTO_TCP

    def arm() -> None:
        try:  # noqa: SIM105  # contextlib.suppress costs as much as the call, and this runs for every read
            set_option(level, option, 1)
        except OSError:
            pass  # closed meanwhile

    return arm


def host_of(address: object) -> str:
    """Give the peer's address as text, IPv4-mapped IPv6 as IPv4."""
    host = str(address[0]) if isinstance(address, tuple) and address else ""
    return host.removeprefix("::ffff:") if "." in host else host
