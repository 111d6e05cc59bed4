# SPDX-License-Identifier: Apache-2.0
"""Elements that go in: always written ones, and those that rules add."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from dromos_crds.additions import TEXT_VRS
from dromos_crds.dictionary import vrs_by_tag
from dromos_crds.profiles.rules import AddPrivateTag, AddTag
from dromos_gateway.deid import written
from dromos_gateway.deid.iod import attribute_type
from dromos_gateway.deid.outcomes import Hold
from dromos_gateway.deid.plan import Plan
from dromos_gateway.header.errors import named
from dromos_gateway.header.values import bytes_of, text_of
from dromos_gateway.header.view import HeaderView
from dromos_gateway.header.writing import element, sequence

_REMEMBERED: Final = 256  # patients


@dataclass(slots=True)
class Additions:
    """Whole elements by tag, values as text for a preview, private blocks whose creator stays, what was skipped."""

    elements: dict[int, bytes] = field(default_factory=dict, repr=False)
    texts: dict[int, str | None] = field(default_factory=dict, repr=False)
    kept_blocks: set[tuple[int, int]] = field(default_factory=set)
    creators: dict[tuple[int, int], str] = field(default_factory=dict)  # of blocks that rules add to
    warnings: tuple[str, ...] = ()


def additions_of(
    plan: Plan,
    view: HeaderView,
    truths: tuple[bool, ...],
    facts: written.Facts,
    pseudonym: str | None,
    added: dict[int, tuple[bytes, str]],
) -> Additions:
    """Everything that goes into the root of an instance; `added` is what expressions add. `Hold`."""
    found = Additions()
    if not plan.morphing and pseudonym is not None:
        _always(found, plan, view, truths, facts, pseudonym)
    for rule in plan.adds:
        if not truths[rule.position]:
            continue
        if isinstance(rule, AddTag):
            vr = vrs_by_tag()[rule.tag][0].encode("ascii")
            _add(found, plan, view, rule.tag, vr, rule.value)
        else:
            _add_private(found, plan, view, rule)
    for tag, (vr, value) in added.items():
        _add(found, plan, view, tag, vr, value)
    return found


def _always(
    found: Additions,
    plan: Plan,
    view: HeaderView,
    truths: tuple[bool, ...],
    facts: written.Facts,
    pseudonym: str,
) -> None:
    key = (truths, facts, pseudonym, view.character_sets, view.encoding)
    known = plan.written.get(key)
    if known is None:
        if len(plan.written) >= _REMEMBERED:
            plan.written.clear()
        known = plan.written[key] = _written(plan, view, truths, facts, pseudonym)
    found.elements |= known[0]
    found.texts |= known[1]


def _written(
    plan: Plan, view: HeaderView, truths: tuple[bool, ...], facts: written.Facts, pseudonym: str
) -> tuple[dict[int, bytes], dict[int, str | None]]:
    values = written.always_written(plan, truths, facts, pseudonym, view.character_sets)
    elements = {tag: element(tag, written.vr_of(tag), value, view.encoding) for tag, value in values.items()}
    texts = {
        tag: text_of(written.vr_of(tag), value, view.character_sets, view.encoding.order)
        for tag, value in values.items()
    }
    codes = written.applied_codes(plan, truths, facts) if plan.strict else written.karnak_codes(plan.rules)
    if codes:
        elements[0x00120064] = sequence(0x00120064, written.code_items(codes), view.encoding)
        texts[0x00120064] = ", ".join(codes)
    return elements, texts


def _add(found: Additions, plan: Plan, view: HeaderView, tag: int, vr: bytes, value: str) -> None:
    if view.at_root(tag) or tag in found.elements or written.is_written(plan, tag):
        return
    if not tag >> 16 & 1 and attribute_type(view.text(0x00080016) or "", (), tag) is None:
        found.warnings += (f"{named(tag)} is not added: the instance's SOP class does not have it",)
        return
    found.elements[tag] = _encoded(view, tag, vr, value)


def _add_private(found: Additions, plan: Plan, view: HeaderView, rule: AddPrivateTag) -> None:
    tag = rule.tag
    number, block = (tag >> 16, tag >> 8 & 0xFF), tag & 0xFFFF0000 | tag >> 8 & 0xFF
    if view.at_root(tag) or tag in found.elements:
        return
    there = found.creators.get(number) or view.text(block)
    if rule.creator and there not in (None, rule.creator):
        found.warnings += (f"{named(tag)} is not added: its block belongs to another private creator",)
        return
    if not rule.creator and plan.strict and number not in found.creators:
        found.warnings += (f"{named(tag)} is not added: nothing says whose it is; give it a privateCreator",)
        return
    if rule.creator and there is None:  # or there without a name
        found.elements[block] = _encoded(view, block, b"LO", rule.creator)
    if rule.creator:
        found.creators[number] = rule.creator
    found.kept_blocks.add(number)
    found.elements[tag] = _encoded(view, tag, rule.vr.encode("ascii"), rule.value)


def _encoded(view: HeaderView, tag: int, vr: bytes, text: str) -> bytes:
    if vr.decode("ascii") not in TEXT_VRS:
        raise Hold("ActionFailed", f"{named(tag)} is to be added, and has no value that can be written as text")
    try:
        return element(tag, vr, bytes_of(vr, text, view.character_sets, view.encoding.order), view.encoding)
    except ValueError as error:
        raise Hold(
            "ActionFailed", f"the value to add as {named(tag)} can't be written: {type(error).__name__}"
        ) from None
