# SPDX-License-Identifier: Apache-2.0
"""An association that we ask for: C-STORE and C-ECHO as SCU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines in seconds."""

    connect: float = 10.0  # name, TCP and TLS
    associate: float = 15.0  # until A-ASSOCIATE-AC or -RJ
    response: float = 60.0  # from the last byte sent until the C-STORE or C-ECHO response
    send: float = 60.0  # the peer takes no byte for so long
    release: float = 5.0


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call."""

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str
    ssl: SSLContext | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    server_name: str = ""  # TLS server name to send and to check; empty: the host


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A SOP class and the transfer syntaxes it is wanted in; each pair becomes a context of its own, 128 at most."""

    sop_class_uid: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file whose data set, from `data_set_offset` to its end, is sent byte for byte."""

    path: Path
    data_set_offset: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """The peer's answer to a C-STORE."""

    status: int
    error_comment: str = ""


class Association:
    """An established association. One `store` or `echo` at a time; others wait for their turn."""

    @classmethod
    async def open(cls, peer: Peer, contexts: Sequence[ProposedContext]) -> Association:
        """Connect and negotiate.

        PeerUnreachable, PeerTimeout, AssociationRejected, AssociationAborted, ProtocolViolation.
        """
        raise NotImplementedError

    def accepts(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether the peer accepted a presentation context for the pair."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether the connection still stands, as far as is known."""
        raise NotImplementedError

    async def store(self, instance: StoredObject) -> StoreResponse:
        """Send one instance and wait for its response.

        ContextRefused leaves the association usable; after any other error it is gone.
        """
        raise NotImplementedError

    async def echo(self) -> int:
        """C-ECHO; the response's status."""
        raise NotImplementedError

    async def release(self) -> None:
        """End the association in order; never raises for what the peer does."""
        raise NotImplementedError

    def abort(self) -> None:
        """End it at once."""
        raise NotImplementedError
