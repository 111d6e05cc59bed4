# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between two DICOM application entities.

Messages name peer addresses and AE titles, never attributes of a data set: they end up in logs and conditions.
"""

from __future__ import annotations


class DimseError(Exception):
    """The association did not do what was asked; the base of everything this package raises."""


class PeerUnreachable(DimseError):
    """No TCP or TLS connection: refused, no route, unknown host name, bad certificate, lost without an A-ABORT."""


class AssociationRejected(DimseError):
    """A-ASSOCIATE-RJ (PS3.8 9.3.4), with the peer's own result, source and reason."""

    def __init__(self, message: str, *, result: int, source: int, reason: int) -> None:
        super().__init__(message)
        self.result = result
        self.source = source
        self.reason = reason

    @property
    def transient(self) -> bool:
        """Whether the peer says that trying again later may help (result 2)."""
        return self.result == 2


class AssociationAborted(DimseError):
    """A-ABORT (PS3.8 9.3.8) from the peer: whether the object in flight was stored is unknown."""

    def __init__(self, message: str, *, source: int, reason: int) -> None:
        super().__init__(message)
        self.source = source
        self.reason = reason


class PeerTimeout(DimseError):
    """The peer did not answer, or took no data, within the deadline: the outcome is unknown."""


class ContextRefused(DimseError):
    """The peer accepted no presentation context for this SOP class and transfer syntax."""


class ProtocolViolation(DimseError):
    """The peer sent what PS3.7 or PS3.8 do not allow; the association has been aborted."""


class UnreadableObject(DimseError):
    """The file to send could not be read, or became shorter; the association has been aborted."""
