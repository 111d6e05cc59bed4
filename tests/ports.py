# SPDX-License-Identifier: Apache-2.0
"""Ports for the processes that tests start.

They lie below those that the kernel gives to outgoing connections, and no process is given one twice: what asks for
port 0 and lets go of it may see the same one with somebody else before its own process listens.
"""

from __future__ import annotations

import os
import random
import socket

_LOWEST, _BEYOND = 12000, 32000
_given: set[int] = set()
_chance = random.Random(os.getpid())  # tests in several processes look in different places


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    while True:
        port = _chance.randrange(_LOWEST, _BEYOND)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
