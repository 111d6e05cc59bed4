# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a rule under `compatibility: Strict` only: values would stay, or nothing would happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dromos_crds.additions import CHARACTER_SET, HOW_WRITTEN, NOT_IN_DATA_SETS, TEXT_VRS, ill_formed
from dromos_crds.dictionary import vrs_by_tag
from dromos_crds.masks import Mask
from dromos_crds.profiles.attributes import exists, is_private, may_be_private
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.rules import (
    ActionOnDates,
    ActionOnTags,
    AddPrivateTag,
    AddTag,
    BasicProfile,
    CleanPixels,
    DateOption,
    ExpressionOnTags,
    ReplaceByAPI,
    Rule,
    Selection,
)
from dromos_crds.tags import format_tag

_LONGEST_CREATOR: Final = 64
_ON_ANY: Final = "action.on.specific.tags"


def strict_problems(rule: Rule) -> Iterator[ProfileProblem]:
    """What Strict refuses that Karnak takes."""
    path = f"profileElements[{rule.position}]"
    for tag in (rule.condition and rule.condition.tags) or ():
        if not exists(tag):
            yield ProfileProblem(f"{path}.condition", f"{format_tag(tag)} is no attribute of PS3.6, nor private")
    if isinstance(rule, ActionOnDates):
        yield from _shift(rule, f"{path}.arguments")
        yield from _no_dates(rule, path)
    if isinstance(rule, ActionOnDates | ActionOnTags | ExpressionOnTags | ReplaceByAPI):
        yield from _selection(rule.selection, path)
    if isinstance(rule, ActionOnTags | ExpressionOnTags | ReplaceByAPI):
        yield from _passed_over(rule, path)
    if isinstance(rule, AddTag):
        yield from _added(rule, path)
    if isinstance(rule, AddPrivateTag):
        yield from _value(ill_formed(rule.vr, rule.value), path)
        if len(rule.creator) > _LONGEST_CREATOR or "\\" in rule.creator or not rule.creator.isprintable():
            yield ProfileProblem(f"{path}.arguments.privateCreator", "is no value that VR LO can have")


def _added(rule: AddTag, path: str) -> Iterator[ProfileProblem]:
    vr = vrs_by_tag().get(rule.tag, ("UN",))[0]
    yield from _value(ill_formed(vr, rule.value), path)
    if not _possible(rule.tag):
        yield ProfileProblem(f"{path}.tags[0]", "is in no data set")
    elif vr not in TEXT_VRS:
        yield ProfileProblem(f"{path}.tags[0]", "has no value that can be written as text")
    if rule.tag == CHARACTER_SET:
        yield ProfileProblem(f"{path}.tags[0]", HOW_WRITTEN)


def _passed_over(rule: ActionOnTags | ExpressionOnTags | ReplaceByAPI, path: str) -> Iterator[ProfileProblem]:
    """Tags that the rule would not be asked about."""
    keeps = isinstance(rule, ActionOnTags) and rule.action == "K"
    private_only = isinstance(rule, ActionOnTags) and rule.private_only
    for index, pattern in enumerate(rule.selection.tags):
        if pattern.exact and pattern.value == CHARACTER_SET and not keeps:
            yield ProfileProblem(f"{path}.tags[{index}]", f"{pattern.text} {HOW_WRITTEN}")
        elif private_only and not may_be_private(pattern):
            yield ProfileProblem(f"{path}.tags[{index}]", f"{pattern.text} is not private; use {_ON_ANY}")


def strict_doublets(rules: Sequence[Rule], masks: Sequence[Mask]) -> Iterator[ProfileProblem]:
    """What stands twice, where one would be passed over."""
    for kind, where in ((BasicProfile, "at the end"), (CleanPixels, "with all that it is for in its condition")):
        for rule in [rule for rule in rules if isinstance(rule, kind)][1:]:
            path = f"profileElements[{rule.position}].codename"
            yield ProfileProblem(path, f"{rule.codename} stands here a second time; one is possible, {where}")
    seen: dict[tuple[str, int | None, int | None], int] = {}
    for index, mask in enumerate(masks):
        images = mask.station_name, mask.columns, mask.rows
        before = seen.get(images, index)
        if not set(masks[before].rectangles) <= set(mask.rectangles):
            message = (
                f"is for the same images as masks[{before}], which would not be drawn; put all rectangles into one"
            )
            yield ProfileProblem(f"masks[{index}]", message)
        seen[images] = index


def _no_dates(rule: ActionOnDates, path: str) -> Iterator[ProfileProblem]:
    """Among others, tags that hold no dates are Karnak's to pass over; a rule for nothing but them does nothing."""
    treated = ("DA", "DT") if rule.option is DateOption.FORMAT else ("AS", "DA", "DT", "TM")
    found = [vrs_by_tag().get(pattern.value) if pattern.exact else None for pattern in rule.selection.tags]
    if found and all(vrs is not None and not any(vr in treated for vr in vrs) for vrs in found):
        yield ProfileProblem(f"{path}.tags", f"none has a VR that {rule.option} is for, which are {', '.join(treated)}")


def _shift(rule: ActionOnDates, path: str) -> Iterator[ProfileProblem]:
    if rule.option is DateOption.FORMAT or rule.moves_days or rule.moves_seconds:
        return
    what = {
        DateOption.SHIFT: "a shift by 0 days and 0 seconds, or whole days in seconds, changes nothing",
        DateOption.SHIFT_RANGE: "a range of 0 days and 0 seconds changes nothing; it ends before its upper bound",
        DateOption.SHIFT_BY_TAG: "without days_tag and seconds_tag nothing is changed",
    }[rule.option]
    yield ProfileProblem(path, f"{what}: dates would go out as they are")


def _selection(selection: Selection, path: str) -> Iterator[ProfileProblem]:
    for field, patterns in (("tags", selection.tags), ("excludedTags", selection.excluded)):
        for index, pattern in enumerate(patterns):
            if pattern.exact and not _possible(pattern.value):
                yield ProfileProblem(f"{path}.{field}[{index}]", f"{pattern.text} is in no data set")
    for index, pattern in enumerate(selection.tags):
        if pattern.exact and any(other.matches(pattern.value) for other in selection.excluded):
            yield ProfileProblem(f"{path}.tags[{index}]", f"{pattern.text} is one of excludedTags, too")


def _possible(tag: int) -> bool:
    """Whether a data set that is sent can have it: no group lengths, no file meta information (PS3.5 7)."""
    group, number = tag >> 16, tag & 0xFFFF
    if is_private(tag):
        return 0x10 <= number <= 0xFF or number >= 0x1000
    return group not in NOT_IN_DATA_SETS and number != 0


def _value(problem: str | None, path: str) -> Iterator[ProfileProblem]:
    if problem is not None:
        yield ProfileProblem(f"{path}.arguments.value", problem)
