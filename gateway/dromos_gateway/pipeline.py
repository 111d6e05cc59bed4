# SPDX-License-Identifier: Apache-2.0
"""What shall become of an instance at a destination. Everything that may keep one back answers here.

It is asked when an instance arrives and again before it is sent, because the configuration may have changed in between.
Rules go into the transfer log, into mails and metrics: they name what was configured, never a value of the instance.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromos_crds.expressions import Condition, ExpressionFailed
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.header import MalformedDataSet
from dromos_gateway.instancevalues import InstanceValues
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
    retry_after: float = 30.0  # seconds until it is worth another look


@dataclass(frozen=True, slots=True)
class Fail:
    """A rule could not be applied to this instance: a dead letter, so that somebody looks at it."""

    reason: str
    message: str


Decision = Deliver | Exclude | Hold | Fail

DESTINATION_DISABLED = "destination disabled"
CONDITION_NOT_MET = "the condition is not met"
CONDITION_FAILED = "ConditionFailed"


def on_arrival(instance: Instance, destination: DestinationSettings, values: InstanceValues) -> Decision:
    """Decide on an instance that came in just now. OSError when its file cannot be read."""
    if not destination.enabled:
        return Exclude(DESTINATION_DISABLED)
    return decide(instance, destination, values)


def decide(instance: Instance, destination: DestinationSettings, values: InstanceValues, judged: str = "") -> Decision:
    """Decide on an instance that waits; `judged` is the condition that it met before. OSError as above."""
    if destination.hold is not None:
        return Hold(destination.hold.reason, destination.hold.message)
    condition = destination.condition
    if condition is not None and condition.text != judged:
        try:
            if not _holds(condition, values):
                return Exclude(CONDITION_NOT_MET)
        except ExpressionFailed as error:
            return _failed(error)
    allowed = destination.sop_classes
    if allowed is not None and instance.sop_class_uid not in allowed:
        return Exclude(f"SOP class {instance.sop_class_uid} is not in authorizedSOPClasses")
    return Deliver()


_MOST_ANSWERS = 4096
_answers: dict[tuple[str, tuple[object, ...]], bool] = {}  # the images of a series have the same values


def _holds(condition: Condition, values: InstanceValues) -> bool:
    """Whether a condition holds: evaluated once for the same values of the elements that it names."""
    try:
        seen = values.extract(condition.tags) if condition.tags else None
    except (MalformedDataSet, OSError):  # the condition says what comes of that
        seen = None
    if seen is None:
        return condition.holds(values)
    key = condition.text, seen
    answer = _answers.get(key)
    if answer is None:
        answer = condition.holds(values)
        if len(_answers) >= _MOST_ANSWERS:
            _answers.clear()
        _answers[key] = answer
    return answer


def _failed(error: ExpressionFailed) -> Fail:
    cause = error.__cause__
    if isinstance(cause, OSError):  # says nothing of the instance
        raise cause
    because = f": {cause}" if isinstance(cause, MalformedDataSet) else ""
    return Fail(CONDITION_FAILED, f"the condition cannot be evaluated: {error}{because}")
