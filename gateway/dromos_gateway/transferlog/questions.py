# SPDX-License-Identifier: Apache-2.0
"""What the log is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dromos_gateway.transferlog.sealing import LOOKED_UP

VERDICTS = ("Delivered", "Excluded", "Failed")
MOST = 1000  # rows of one answer
MOST_SERIES = 500  # that one answer tells of, each at one destination
Place = tuple[float, int]  # time and number of a row: the order of an answer, the newest first
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for; identifiers match what came in and what went out."""

    patient_id: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)
    series_instance_uid: str = field(default="", repr=False)
    sop_instance_uid: str = field(default="", repr=False)
    destination: str = ""  # namespace/name
    verdict: str = ""  # Delivered | Excluded | Failed
    since: float = 0.0
    until: float = 1e12
    limit: int = 100
    before: Place | None = None  # where the answer before ended

    @property
    def identifiers(self) -> Mapping[str, str]:
        """Those of patient, study and series that are asked for."""
        return {name: value for name in LOOKED_UP if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Route:
    """What all instances of one series at one destination have in common."""

    destination: str
    profile: str
    secret_fingerprint: str
    node: str
    source: str
    sent: Mapping[str, str] = field(repr=False)  # identifiers as the destination got them
    original: Mapping[str, str] | None = field(repr=False)  # None: not kept


@dataclass(frozen=True, slots=True)
class Transfer:
    """One instance at one destination."""

    id: int
    at: float
    received_at: float
    size: int
    sop_class_uid: str
    transfer_syntax_uid: str
    sop_instance_uid: str = field(repr=False)
    verdict: str
    reason: str
    message: str
    attempts: int
    changes: str
    route: Route
    original_instance: str = field(repr=False)  # its SOP Instance UID as it came in; empty: not kept


@dataclass(frozen=True, slots=True)
class SeriesAtDestination:
    """What became of one series at one destination."""

    series: int
    study: bytes = field(repr=False)
    node: str
    source: str
    received_at: float  # its first instance
    destination: str
    profile: str
    sent: Mapping[str, str] = field(repr=False)
    original: Mapping[str, str] | None = field(repr=False)
    delivered: int
    excluded: int
    failed: int
    waiting: int
    bytes: int
    last: float | None
    reasons: Mapping[str, int]  # of what was not delivered


@dataclass(frozen=True, slots=True)
class Answer(Generic[_Found]):
    """What was found."""

    found: list[_Found]
    complete: bool = True  # False: the identifiers fit more series than one question may be about; these are the newest
    following: Place | None = None  # what the next question says as `before`; None: there is no more
