# SPDX-License-Identifier: Apache-2.0
"""What one notification says. It is kept as JSON in the outbox, posted as such to webhooks, and rendered into mails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The worst of what happened, which decides the subject's prefix."""

    SENT = "sent"
    REJECTED = "rejected"  # something was excluded by a rule, nothing failed
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """A row of the table."""

    values: Mapping[str, str] = field(repr=False)  # keyword: value, as the destination gets them
    sop_classes: Sequence[str]
    sent: int
    excluded: int
    failed: int
    reasons: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one study from one source at one destination since the last report."""

    destination: str
    target: str  # where that is
    node: str
    source: str
    first_at: float
    last_at: float
    study: Mapping[str, str] = field(repr=False)
    series: tuple[SeriesReport, ...]

    @property
    def outcome(self) -> Outcome:
        """Failed before rejected before sent."""
        if any(each.failed for each in self.series):
            return Outcome.FAILED
        return Outcome.REJECTED if any(each.excluded for each in self.series) else Outcome.SENT

    def total(self, name: str) -> int:
        """The sum of sent, excluded or failed."""
        return sum(getattr(each, name) for each in self.series)


def to_json(report: Report) -> dict[str, Any]:
    """As webhooks get it."""
    return {
        "destination": report.destination,
        "target": report.target,
        "forwardNode": report.node,
        "source": report.source,
        "outcome": report.outcome,
        "from": report.first_at,
        "until": report.last_at,
        "study": dict(report.study),
        "series": [
            {
                "values": dict(each.values),
                "sopClassUIDs": list(each.sop_classes),
                "sent": each.sent,
                "excluded": each.excluded,
                "failed": each.failed,
                "reasons": dict(each.reasons),
            }
            for each in report.series
        ],
    }


def from_json(value: Mapping[str, Any]) -> Report:
    """Back from the outbox."""
    return Report(
        value["destination"],
        value["target"],
        value["forwardNode"],
        value["source"],
        value["from"],
        value["until"],
        value["study"],
        tuple(
            SeriesReport(
                each["values"], each["sopClassUIDs"], each["sent"], each["excluded"], each["failed"], each["reasons"]
            )
            for each in value["series"]
        ),
    )


def joined(values: Sequence[str]) -> str:
    """Several values in one place, as Karnak's mails show them."""
    return ",".join(values)
