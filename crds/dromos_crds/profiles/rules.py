# SPDX-License-Identifier: Apache-2.0
"""The rules of a checked profile, one class for each kind of codename."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dromos_crds.calls import Call
from dromos_crds.expressions import ActionExpression, Condition
from dromos_crds.profiles.confidentiality import Option
from dromos_crds.tags import TagPattern


class Codename(StrEnum):
    """Karnak's names for kinds of rules."""

    BASIC = "basic.dicom.profile"
    CLEAN_PIXELS = "clean.pixel.data"
    CLEAN_FACES = "clean.recognizable.visual.features"
    REPLACE_UIDS = "replace.uid"
    SPECIFIC_TAGS = "action.on.specific.tags"
    PRIVATE_TAGS = "action.on.privatetags"
    DATES = "action.on.dates"
    EXPRESSION = "expression.on.tags"
    ADD_TAG = "action.add.tag"
    ADD_PRIVATE_TAG = "action.add.private.tag"
    REPLACE_API = "action.replace.api"


class DateOption(StrEnum):
    """What `action.on.dates` does."""

    SHIFT = "shift"
    SHIFT_RANGE = "shift_range"
    SHIFT_BY_TAG = "shift_by_tag"
    FORMAT = "date_format"


@dataclass(frozen=True, slots=True)
class Selection:
    """The tags a rule is for; no tags: all of them."""

    tags: tuple[TagPattern, ...] = ()
    excluded: tuple[TagPattern, ...] = ()

    def has(self, tag: int) -> bool:
        """Whether the tag is one of them."""
        if any(pattern.matches(tag) for pattern in self.excluded):
            return False
        return not self.tags or any(pattern.matches(tag) for pattern in self.tags)


@dataclass(frozen=True, slots=True)
class Rule:
    """What every rule has; `position` counts from 0 in the profile."""

    position: int
    name: str
    codename: Codename
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class BasicProfile(Rule):
    """Table E.1-1 with options."""

    options: frozenset[Option] = frozenset()


@dataclass(frozen=True, slots=True)
class CleanPixels(Rule):
    """Masks are drawn."""


@dataclass(frozen=True, slots=True)
class ReplaceUIDs(Rule):
    """U on the UIDs of Table E.1-1; does nothing with `compatibility: Karnak`, as in Karnak."""


@dataclass(frozen=True, slots=True)
class ActionOnTags(Rule):
    """An action code on tags, private ones only or any."""

    action: str = "X"
    selection: Selection = field(default_factory=Selection)
    private_only: bool = False


@dataclass(frozen=True, slots=True)
class ActionOnDates(Rule):
    """Dates, times and ages are shifted or made coarser.

    `days` and `seconds` are the shift, or its upper bound for shift_range, whose lower bounds are `min_days` and
    `min_seconds`; `days_tag` and `seconds_tag` hold the shift for shift_by_tag; `remove` is day or month_day.
    """

    option: DateOption = DateOption.SHIFT
    selection: Selection = field(default_factory=Selection)
    days: int = 0
    seconds: int = 0
    min_days: int = 0
    min_seconds: int = 0
    days_tag: int | None = None
    seconds_tag: int | None = None
    remove: str = ""

    @property
    def moves_days(self) -> bool:
        """Whether it can shift a date at all: a range ends before its upper bound."""
        return self._moves(self.days_tag, self.min_days, self.days, by_itself=self.days != 0)

    @property
    def moves_seconds(self) -> bool:
        """Whether it can shift a time of day."""
        return self._moves(self.seconds_tag, self.min_seconds, self.seconds, by_itself=self.seconds % 86400 != 0)

    def _moves(self, tag: int | None, least: int, bound: int, *, by_itself: bool) -> bool:
        if self.option is DateOption.SHIFT_BY_TAG:
            return tag is not None
        if self.option is DateOption.SHIFT_RANGE:
            return least != 0 or bound > 1  # [least, bound) has anything but zero in it
        return self.option is DateOption.SHIFT and by_itself


@dataclass(frozen=True, slots=True)
class ExpressionOnTags(Rule):
    """An expression chooses the action."""

    expression: ActionExpression | None = None
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True, slots=True)
class AddTag(Rule):
    """An element is added at the root, if the instance's IOD has it and the instance hasn't."""

    tag: int = 0
    value: str = ""


@dataclass(frozen=True, slots=True)
class AddPrivateTag(Rule):
    """A private element is added at the root, with its creator."""

    tag: int = 0
    vr: str = "LO"
    value: str = ""
    creator: str = ""


@dataclass(frozen=True, slots=True)
class ReplaceByAPI(Rule):
    """The value comes from an HTTP service."""

    selection: Selection = field(default_factory=Selection)
    call: Call | None = None
