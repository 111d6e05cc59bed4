# SPDX-License-Identifier: Apache-2.0
"""What the acceptor asks its owner: who may associate, and where an instance goes.

The acceptor calls everything here from the event loop, and nothing may block for long. `finish` answers when it can,
at once or later; the next message on the same association waits for that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OfferedContext:
    """A presentation context as the peer proposed it (PS3.8 9.3.2.2)."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """What is known of a peer when it asks for an association. AE titles come without padding."""

    called_ae_title: str
    calling_ae_title: str
    peer_host: str  # the address as text, IPv4-mapped IPv6 written as IPv4
    contexts: tuple[OfferedContext, ...]


@dataclass(frozen=True)
class Admission:
    """The association may go on. Subclass it, or use `reference`, to carry what `begin` needs."""

    reference: object = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A-ASSOCIATE-RJ (PS3.8 table 9-21). `message` is for the log; the wire carries only the three numbers."""

    result: int  # 1 permanent, 2 transient
    source: int  # 1 service user, 2 service provider (ACSE), 3 service provider (presentation)
    reason: int
    message: str = ""


CALLED_AE_TITLE_NOT_RECOGNIZED = (1, 1, 7)
CALLING_AE_TITLE_NOT_RECOGNIZED = (1, 1, 3)
TEMPORARY_CONGESTION = (2, 3, 1)
LOCAL_LIMIT_EXCEEDED = (2, 3, 2)


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE request whose command set was read and whose UIDs are well formed."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae_title: str
    called_ae_title: str
    peer_host: str
    message_id: int


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The status of a C-STORE response (PS3.4 B.2.3) and the Error Comment (0000,0902), 64 characters at most."""

    code: int
    comment: str = ""


class InstanceSink(Protocol):
    """Where one instance's data set goes. Either `finish` or `abandon` is called, once."""

    def write(self, fragment: memoryview) -> None:
        """Take the next bytes of the encoded data set.

        The view is valid until `flush` or `finish`: then the acceptor reads the next bytes into the same memory.
        OSError means that they cannot be kept; the acceptor abandons the sink and answers A700.
        """

    def flush(self) -> None:
        """Let go of all views. OSError as above."""

    def finish(self, answer: Callable[[StoreStatus], None]) -> None:
        """Make the instance durable, then answer, once; 0000 only when it would survive a power cut.

        OSError, raised before the answer, becomes A700.
        """

    def abandon(self) -> None:
        """Forget everything: the association died in the middle of the object, or the object is refused."""


class StorePolicy(Protocol):
    """The acceptor's owner."""

    def admit(self, request: AssociationRequest) -> Admission | Rejection:
        """Decide on an association. The acceptor has checked its own limits before."""

    def begin(self, admission: Admission, request: StoreRequest) -> InstanceSink | StoreStatus:
        """Give the sink for an instance, or the status to answer with; its data set is then read and thrown away."""
