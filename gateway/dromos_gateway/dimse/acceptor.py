# SPDX-License-Identifier: Apache-2.0
"""The listener: takes connections, counts associations, drains."""

from __future__ import annotations

from dataclasses import dataclass
from ssl import SSLContext

from dromos_gateway.dimse.policy import StorePolicy


@dataclass(frozen=True, slots=True)
class AcceptorLimits:
    """Deadlines in seconds and caps."""

    associations: int = 100
    connections: int = 1000  # open, without an association yet
    request_timeout: float = 5.0  # from connect, or the end of TLS, to a complete A-ASSOCIATE-RQ
    handshake_timeout: float = 5.0  # TLS
    idle_timeout: float = 60.0  # no message in progress; also for the rest of a PDU that has begun
    abort_timeout: float = 3.0  # from our A-ABORT, A-ASSOCIATE-RJ or A-RELEASE-RP until we close
    max_pdu: int = 256 * 1024
    min_bytes_per_second: int = 1024  # averaged over a message that takes longer than the idle timeout


class Acceptor:
    """A DICOM listener for storage and verification."""

    def __init__(
        self, policy: StorePolicy, limits: AcceptorLimits | None = None, ssl: SSLContext | None = None
    ) -> None:
        self._policy = policy
        self._limits = limits or AcceptorLimits()
        self._ssl = ssl

    @property
    def port(self) -> int:
        """The bound port."""
        raise NotImplementedError

    @property
    def associations(self) -> int:
        """How many associations are open now."""
        raise NotImplementedError

    async def start(self, host: str, port: int) -> None:
        """Listen. OSError when the address cannot be bound."""
        raise NotImplementedError

    async def drain(self, timeout: float) -> None:
        """Refuse new associations, let open ones finish, abort what is left after `timeout` seconds; then close."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop listening and drop every connection at once."""
        raise NotImplementedError
