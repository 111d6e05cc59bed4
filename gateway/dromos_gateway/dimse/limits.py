# SPDX-License-Identifier: Apache-2.0
"""Deadlines and caps of the acceptor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AcceptorLimits:
    """Deadlines in seconds, sizes in bytes."""

    associations: int = 100
    connections: int = 1000  # open, without an association yet; TLS handshakes included
    request_timeout: float = 5.0  # from connect, or the end of TLS, to a complete A-ASSOCIATE-RQ
    handshake_timeout: float = 5.0  # TLS
    idle_timeout: float = 60.0  # no byte comes
    abort_timeout: float = 3.0  # from our A-ABORT, A-ASSOCIATE-RJ or A-RELEASE-RP until we close
    max_pdu: int = 256 * 1024
    min_bytes_per_second: int = 1024  # averaged over a message that takes longer than the idle timeout
