# SPDX-License-Identifier: Apache-2.0
"""What the ledger knows: an instance, and for each destination what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where an instance stands with one destination."""

    Waiting = "Waiting"
    Delivered = "Delivered"
    Excluded = "Excluded"
    Failed = "Failed"


@dataclass(frozen=True, slots=True)
class Instance:
    """One received object. It is stored once, however many destinations it has."""

    id: int  # the order of arrival; 0 until the ledger has given one
    file: str  # our own random name below objects/, never derived from a UID
    size: int
    data_set_offset: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    study: str = field(repr=False)  # Study Instance UID where it was found; what fairness is between
    calling_ae_title: str
    called_ae_title: str
    peer_host: str
    node: str  # namespace/name of the ForwardNode
    received_at: float


@dataclass(frozen=True, slots=True)
class Planned:
    """What shall become of a new instance at one destination."""

    destination: str
    state: State  # Waiting or Excluded
    reason: str = ""
    judged: str = ""  # the condition that it met


@dataclass(frozen=True, slots=True)
class PlannedShare:
    """A series that goes into a Kheops album once an instance of it is delivered; `error`: why it does not."""

    album: str
    study: str = field(repr=False)  # as it is sent
    series: str = field(repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A waiting share."""

    id: int
    destination: str
    album: str
    study: str = field(repr=False)
    series: str = field(repr=False)
    attempts: int
    since: float  # maxAge counts from here


@dataclass(frozen=True, slots=True)
class Delivery:
    """A waiting row of the ledger: one instance on its way to one destination."""

    id: int
    instance: Instance
    destination: str  # namespace/name
    attempts: int
    due: float  # not before this time
    since: float  # maxAge counts from here
    last_error: str = ""
    judged: str = ""  # the condition that it met when it came in; not kept over a restart
    shares: tuple[PlannedShare, ...] = ()  # what its being delivered brings along


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out where that is not what came in."""

    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    beginning: bytes = field(default=b"", repr=False)  # of its data set, enough to find what it is known by
    profile: str = ""  # name and version
    secret_fingerprint: str = ""
    changes: str = ""  # digest of what was changed, without values


@dataclass(frozen=True, slots=True)
class Ending:
    """How a delivery ended."""

    state: State
    reason: str  # CamelCase for machines, or the rule that excluded it
    message: str  # in the peer's own words where it had any
    at: float
    sent: Sent | None = None  # None: what came in, byte for byte


@dataclass(frozen=True, slots=True)
class Failure:
    """A dead letter. The object is kept until somebody retries or discards it."""

    id: int
    destination: str
    node: str
    reason: str  # CamelCase, for machines
    message: str  # in the peer's own words where it had any
    attempts: int
    failed_at: float
    received_at: float
    size: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    study: str = field(repr=False)
    calling_ae_title: str


@dataclass(frozen=True, slots=True)
class FailedShare:
    """A share that was given up. It is kept until somebody retries or discards it, or the series is delivered again."""

    id: int
    destination: str
    message: str
    attempts: int
    failed_at: float
    study: str = field(repr=False)
    series: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Totals:
    """One destination's rows and counters."""

    waiting: int = 0
    failed: int = 0
    delivered: int = 0
    excluded: int = 0
    oldest: float | None = None
    last_transfer: float | None = None
    last_error: str | None = None
    shares_waiting: int = 0  # series that shall go into albums
    shares_failed: int = 0
