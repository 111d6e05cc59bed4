# SPDX-License-Identifier: Apache-2.0
"""How each codename's element becomes a rule: which fields and arguments it takes, which it needs."""

from __future__ import annotations

from typing import Any, Final

from dromos_crds import reasons
from dromos_crds.additions import NUMBER_VRS, TEXT_VRS, ill_formed
from dromos_crds.calls import Call, CallMistake, compile_call
from dromos_crds.dictionary import vrs_by_tag
from dromos_crds.expressions import Mistake, compile_action
from dromos_crds.profiles.attributes import is_private
from dromos_crds.profiles.confidentiality import Option
from dromos_crds.profiles.element import ElementReader
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
    ReplaceUIDs,
    Rule,
)

# the last ones are resolved from the attribute's type
ACTIONS: Final = ("K", "X", "Z", "U", "D", "DDum", "Z/D", "X/D", "X/Z", "X/Z/D", "X/Z/U", "X/Z/U*")
_SOME_URL: Final = "http://nowhere"  # in place of one that is missing, so that the rest is looked at too
_SELECTION: Final = ("tags", "excludedTags")
_DATE_ARGUMENTS: Final = {
    DateOption.SHIFT: ("days", "seconds"),
    DateOption.SHIFT_RANGE: ("max_days", "max_seconds", "min_days", "min_seconds"),
    DateOption.SHIFT_BY_TAG: ("days_tag", "seconds_tag"),
    DateOption.FORMAT: ("remove",),
}


def basic_profile(reader: ElementReader) -> Rule:
    """`basic.dicom.profile`: no tags, ten options."""
    reader.allow(("arguments",), tuple(Option))
    options = frozenset(option for option in Option if reader.truth(option))
    if {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES} <= options:
        reader.problem("arguments", "retainFullDates and retainModifiedDates exclude each other")
    return BasicProfile(**_rule(reader), options=options)


def clean_pixels(reader: ElementReader) -> Rule:
    """`clean.pixel.data`: the masks are elsewhere in the profile."""
    reader.allow(("arguments",), ("automaticMasksGeneration",))
    if reader.truth("automaticMasksGeneration"):
        message = "masks are not found automatically; give them in the profile"
        reader.problem("arguments.automaticMasksGeneration", message, reasons.NOT_SUPPORTED)
    return CleanPixels(**_rule(reader))


def replace_uids(reader: ElementReader) -> Rule:
    """`replace.uid`: nothing to say."""
    reader.allow((), ())
    return ReplaceUIDs(**_rule(reader))


def specific_tags(reader: ElementReader) -> Rule:
    """`action.on.specific.tags`."""
    reader.allow(("action", *_SELECTION), ())
    action = reader.word("action", ACTIONS)
    return ActionOnTags(**_rule(reader), action=action, selection=reader.selection(needed=True))


def private_tags(reader: ElementReader) -> Rule:
    """`action.on.privatetags`: no tags, all private ones."""
    reader.allow(("action", *_SELECTION), ())
    action = reader.word("action", ACTIONS)
    return ActionOnTags(**_rule(reader), action=action, selection=reader.selection(), private_only=True)


def dates(reader: ElementReader) -> Rule:
    """`action.on.dates`: the option says which arguments there are."""
    option = DateOption(reader.word("option", tuple(DateOption)))
    reader.allow(("option", "arguments", *_SELECTION), _DATE_ARGUMENTS[option])
    given: dict[str, Any] = {"option": option, "selection": reader.selection()}
    if option is DateOption.SHIFT:
        given |= {"days": reader.integer("days"), "seconds": reader.integer("seconds")}
    elif option is DateOption.SHIFT_RANGE:
        given |= {"days": reader.integer("max_days"), "seconds": reader.integer("max_seconds")}
        given |= {"min_days": reader.integer("min_days", 0), "min_seconds": reader.integer("min_seconds", 0)}
        for unit in ("days", "seconds"):
            if given[f"min_{unit}"] > given[unit]:
                reader.problem(f"arguments.min_{unit}", f"is greater than max_{unit}")
    elif option is DateOption.SHIFT_BY_TAG:
        given |= {"days_tag": reader.tag("days_tag"), "seconds_tag": reader.tag("seconds_tag")}
    else:
        given["remove"] = reader.required("remove")
        if given["remove"] and given["remove"] not in ("day", "month_day"):
            reader.problem("arguments.remove", "is day or month_day")
    return ActionOnDates(**_rule(reader), **given)


def expression(reader: ElementReader) -> Rule:
    """`expression.on.tags`: without tags Karnak's is for none, and one that is for all would keep all."""
    reader.allow(("arguments", *_SELECTION), ("expr",))
    text = reader.required("expr")
    compiled = compile_action(text) if text else None
    if isinstance(compiled, Mistake):
        reader.problem("arguments.expr", str(compiled))
        compiled = None
    return ExpressionOnTags(**_rule(reader), expression=compiled, selection=reader.selection(needed=True))


def add_tag(reader: ElementReader) -> Rule:
    """`action.add.tag`: a standard attribute; `vr` is Karnak's and ignored, the standard knows it."""
    reader.allow(("arguments", "tags"), ("value", "vr"))
    tag = reader.one_tag()
    if tag and is_private(tag):
        reader.problem("tags[0]", "is private; use action.add.private.tag")
    elif tag and tag not in vrs_by_tag():
        reader.problem("tags[0]", "is one of repeating groups, which are not added")
    value = reader.value()
    _number(reader, vrs_by_tag().get(tag, ("UN",))[0], value)
    return AddTag(**_rule(reader), tag=tag, value=value)


def add_private_tag(reader: ElementReader) -> Rule:
    """`action.add.private.tag`: with a creator, the block is reserved for it."""
    reader.allow(("arguments", "tags"), ("value", "vr", "privateCreator"))
    tag, vr = reader.one_tag(), reader.required("vr").upper()
    if tag and not is_private(tag):
        reader.problem("tags[0]", "is not private; use action.add.tag")
    elif tag and tag & 0xFFFF < 0x1000:
        reader.problem("tags[0]", "private elements have numbers from 1000 on: (gggg,bbee) in the block bb")
    if vr and vr not in TEXT_VRS:
        reader.problem("arguments.vr", f"is none of {', '.join(sorted(TEXT_VRS))}")
    value, creator = reader.value(), reader.text("privateCreator") or ""
    _number(reader, vr, value)
    return AddPrivateTag(**_rule(reader), tag=tag, vr=vr, value=value, creator=creator)


def replace_api(reader: ElementReader) -> Rule:
    """`action.replace.api`."""
    reader.allow(("arguments", *_SELECTION), ("url", "responsePath", "method", "body", "authConfig", "defaultValue"))
    url, response_path = reader.required("url"), reader.required("responsePath")
    call = compile_call(
        url=url or _SOME_URL,
        method=reader.text("method") or "get",
        body=reader.text("body") or "",
        response_path=response_path,
        auth_config=reader.text("authConfig"),
        default=reader.given("defaultValue"),
        of_element=True,
    )
    if isinstance(call, CallMistake):
        reader.problem(f"arguments.{call.argument}", call.message)
    compiled = call if isinstance(call, Call) else None
    return ReplaceByAPI(**_rule(reader), selection=reader.selection(needed=True), call=compiled)


def _number(reader: ElementReader, vr: str, value: str) -> None:
    """What is no number can't be written as one, in no mode: each instance would be held."""
    problem = ill_formed(vr, value) if vr in NUMBER_VRS and value else None
    if problem is not None:
        reader.problem("arguments.value", problem)


def _rule(reader: ElementReader) -> dict[str, Any]:
    return {
        "position": reader.position,
        "name": reader.name,
        "codename": reader.codename,
        "condition": reader.condition(),
    }
