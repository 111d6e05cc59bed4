# SPDX-License-Identifier: Apache-2.0
"""What shall become of an instance at a destination. Everything that may keep one back answers here.

It is asked when an instance arrives and again before it is sent, because the configuration may have changed in between.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.spool.records import Instance


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send it."""


@dataclass(frozen=True, slots=True)
class Exclude:
    """A rule of the configuration says no; the instance is done here."""

    rule: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Something is doubtful: keep the instance, send nothing, show why."""

    reason: str
    message: str


Decision = Deliver | Exclude | Hold

DESTINATION_DISABLED = "destination disabled"


def on_arrival(instance: Instance, destination: DestinationSettings) -> Decision:
    """Decide on an instance that came in just now."""
    if not destination.enabled:
        return Exclude(DESTINATION_DISABLED)
    return decide(instance, destination)


def decide(instance: Instance, destination: DestinationSettings) -> Decision:
    """Decide on an instance that waits."""
    if destination.hold is not None:
        return Hold(destination.hold.reason, destination.hold.message)
    allowed = destination.sop_classes
    if allowed is not None and instance.sop_class_uid not in allowed:
        return Exclude(f"SOP class {instance.sop_class_uid} is not in authorizedSOPClasses")
    return Deliver()
