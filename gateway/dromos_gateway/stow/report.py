# SPDX-License-Identifier: Apache-2.0
"""The Store Instances Response (PS3.18 §10.5.3.3, Table 10.5.3-1..3) as it was read, in JSON or XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

REFERENCED_SOP_SEQUENCE = "00081199"
FAILED_SOP_SEQUENCE = "00081198"
OTHER_FAILURES_SEQUENCE = "0008119A"
REFERENCED_SOP_INSTANCE_UID = "00081155"
WARNING_REASON = "00081196"
FAILURE_REASON = "00081197"
_DIGITS = 5  # of the largest number that two bytes hold
ATTRIBUTE_IDENTIFIER_LIST = "00001005"  # Kheops names in it what differs from the stored study
ASKED_FOR = frozenset(
    (
        REFERENCED_SOP_SEQUENCE,
        FAILED_SOP_SEQUENCE,
        OTHER_FAILURES_SEQUENCE,
        REFERENCED_SOP_INSTANCE_UID,
        WARNING_REASON,
        FAILURE_REASON,
        ATTRIBUTE_IDENTIFIER_LIST,
    )
)

Values: TypeAlias = "tuple[str | int | Item, ...]"
Item: TypeAlias = Mapping[str, Values]  # attribute tag, 8 hexadecimal digits in upper case, to its values


class UnreadableReport(ValueError):
    """The body is no Store Instances Response."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an instance was not stored; `reason` is None where the server did not say."""

    reason: int | None
    attributes: tuple[str, ...] = ()  # tags that the server objects to


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What a server says of each instance, by SOP Instance UID."""

    stored: Mapping[str, int | None] = field(repr=False)  # the warning's reason, or None
    failed: Mapping[str, Failed] = field(repr=False)
    others: tuple[Failed, ...] = ()  # failures that name no instance


def read_report(data_set: Item) -> StoreReport:
    """Read the response's data set. UnreadableReport when none of its three sequences is there."""
    sequences = (REFERENCED_SOP_SEQUENCE, FAILED_SOP_SEQUENCE, OTHER_FAILURES_SEQUENCE)
    if not any(sequence in data_set for sequence in sequences):
        raise UnreadableReport("there is no ReferencedSOPSequence, FailedSOPSequence or OtherFailuresSequence")
    stored: dict[str, int | None] = {}
    failed: dict[str, Failed] = {}
    others: list[Failed] = []
    for item in _items(data_set, REFERENCED_SOP_SEQUENCE):
        if uid := _uid(item):
            stored[uid] = _number(item, WARNING_REASON)
    for item in (*_items(data_set, FAILED_SOP_SEQUENCE), *_items(data_set, OTHER_FAILURES_SEQUENCE)):
        failure = Failed(_number(item, FAILURE_REASON), _tags(item))
        if uid := _uid(item):
            failed[uid] = failure
        else:
            others.append(failure)
    return StoreReport(stored, failed, tuple(others))


def _items(data_set: Item, sequence: str) -> list[Item]:
    return [item for item in data_set.get(sequence, ()) if isinstance(item, Mapping)]


def _first(item: Item, tag: str) -> str | int | None:
    value = next(iter(item.get(tag, ())), None)
    return value if isinstance(value, str | int) else None


def _uid(item: Item) -> str:
    value = _first(item, REFERENCED_SOP_INSTANCE_UID)
    return value.strip(" \x00") if isinstance(value, str) else ""


def _number(item: Item, tag: str) -> int | None:
    """A value of VR US; None where there is none, or none that two bytes hold."""
    value = _first(item, tag)
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None
    return value if value is not None and 0 <= value <= 0xFFFF else None


def _tags(item: Item) -> tuple[str, ...]:
    values = (value.upper() for value in item.get(ATTRIBUTE_IDENTIFIER_LIST, ()) if isinstance(value, str))
    return tuple(value for value in values if len(value) == 8 and not value.strip("0123456789ABCDEF"))[:16]
