# SPDX-License-Identifier: Apache-2.0
"""New values from old ones. Each action gets the run, the element and the rule's choice; None keeps the value as it is.

`Hold` where an action cannot be carried out: the old value never stays because of a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dromos_crds.additions import unfit
from dromos_crds.profiles.rules import ActionOnDates, DateOption
from dromos_gateway.deid import dummies
from dromos_gateway.deid.choosing import Choice
from dromos_gateway.deid.cleaning import cleaned
from dromos_gateway.deid.dates import DATE_VRS, Shift, Undatable, coarsened, shifted
from dromos_gateway.deid.hashing import hashed_uid, is_well_known, scaled
from dromos_gateway.deid.multiple import resolve
from dromos_gateway.deid.outcomes import Hold
from dromos_gateway.header.errors import named
from dromos_gateway.header.values import bytes_of, first_value, text_of

if TYPE_CHECKING:
    from dromos_gateway.deid.run import Run

Act = Callable[["Run", "Element", Choice], bytes | None]
_POINTS_IN_TIME: Final = DATE_VRS - {b"AS"}  # an age says nothing of when
_TEMPORAL: Final = re.compile(rb"[0-9DWMY.:+\-\\ \0]*")
_IDENTIFIERS: Final = re.compile(rb"[0-9.\\ \0]*")
REMOVED: Final = b"\0REMOVED"  # an object, compared by identity
_DEFAULT_SHIFT: Final = (0, dummies.SHIFT_DAYS, 0, dummies.SHIFT_SECONDS)


@dataclass(slots=True)
class Element:
    """An element with its value as bytes, where it stands, and how its text is written."""

    tag: int
    vr: bytes
    raw: bytes = field(repr=False)
    encodings: tuple[str, ...]
    order: str
    path: tuple[int, ...]

    def text(self) -> str | None:
        """The value as text."""
        return text_of(self.vr, self.raw, self.encodings, self.order)

    def encoded(self, text: str, vr: bytes | None = None) -> bytes:
        """Bytes for another text; `Hold` when the character set or the VR can't have it."""
        vr = vr or self.vr
        try:
            return bytes_of(vr, text, self.encodings, self.order)
        except UnicodeEncodeError:
            message = f"the new value of {named(self.tag)} can't be written in the instance's character set"
            raise Hold("CharacterSet", message) from None
        except ValueError:
            message = f"the new value of {named(self.tag)} is none that VR {vr.decode('ascii')} can have"
            raise Hold("ActionFailed", message) from None


def note_kept(run: Run, element: Element, choice: Choice) -> bytes | None:
    """K on a date or a private element: the file says so. By the table only what looks like dates or UIDs stays."""
    if choice.by_table and element.vr == b"UI":
        return None if _IDENTIFIERS.fullmatch(element.raw) else uid(run, element, choice)
    if choice.by_table and element.vr in DATE_VRS and not _TEMPORAL.fullmatch(element.raw):
        return element.encoded(dummies.fixed_date(element.vr))
    if element.raw:
        run.kept(choice.rule.position, dates=element.vr in _POINTS_IN_TIME)
    return None


def uid(run: Run, element: Element, choice: Choice) -> bytes | None:
    """U: hashed. Strict hashes each value but the standard's own UIDs; Karnak the first value, whatever it is."""
    values = [part.strip("\0 ") for part in element.raw.decode("latin-1").split("\\")]
    if not run.plan.strict:
        text = (element.text() or "").split("\\")[0]
        return element.encoded(hashed_uid(run.plan.key, text), b"UI")
    return element.encoded("\\".join(_uid(run.plan.key, value) for value in values), b"UI")


def _uid(key: bytes, value: str) -> str:
    return value if is_well_known(value) else hashed_uid(key, value)


def replace(run: Run, element: Element, choice: Choice) -> bytes | None:
    """D with a value: from an expression or a service, so that Strict looks at it."""
    value = choice.value or ""
    problem = unfit(element.vr.decode("ascii"), value) if run.plan.strict else None
    if problem is not None:
        raise Hold("ActionFailed", f"rule {choice.rule.name!r}: the new value of {named(element.tag)} {problem}")
    return element.encoded(value)


def date(run: Run, element: Element, choice: Choice) -> bytes | None:
    """`action.on.dates`."""
    rule = choice.rule
    if not isinstance(rule, ActionOnDates):
        return None
    text = element.text() if run.plan.strict else run.view.text(element.tag)  # Karnak reads the root's
    if text is None:
        return None
    values = text.split("\\") if run.plan.strict else text.split("\\")[:1]
    if run.plan.strict and rule.option is not DateOption.FORMAT and _stays(run, rule, element):
        run.dates_kept = True
        return None
    try:
        moved = [_dated(run, rule, element.vr, value) for value in values]
    except Undatable as error:
        if run.plan.strict:
            raise Hold("DateNotShiftable", f"{named(element.tag)} is {error}, and a rule shifts it") from None
        return _karnak_fallback(run, element)
    if element.vr in _POINTS_IN_TIME:
        run.applied.add(rule.position)
    return element.encoded("\\".join(moved))


def _stays(run: Run, rule: ActionOnDates, element: Element) -> bool:
    """Whether a rule leaves a day as it is, as it can't do otherwise. `Hold` where it could, and shifts by nothing."""
    shift = shift_of(run, rule)
    if element.vr not in (b"DA", b"DT") or shift.days:
        return False
    if rule.moves_days or not shift.seconds:
        raise Hold("DateNotShiftable", f"rule {rule.name!r} shifts {named(element.tag)} of this instance by 0 days")
    return element.vr == b"DA"


def _dated(run: Run, rule: ActionOnDates, vr: bytes, value: str) -> str:
    if not value:
        return value
    strict = run.plan.strict
    if rule.option is not DateOption.FORMAT:
        return shifted(vr, value, shift_of(run, rule), keep_offset=strict)
    coarse = coarsened(vr, value, rule.remove, keep_offset=strict)
    return value if coarse is None else coarse


def shift_of(run: Run, rule: ActionOnDates) -> Shift:
    """How far a rule shifts this instance's dates; the same for all of its elements."""
    if rule.option is DateOption.SHIFT:
        return Shift(rule.days, rule.seconds)
    known = run.shifts.get(rule.position)
    if known is None:
        if rule.option is DateOption.SHIFT_RANGE:
            known = _ranged(run, rule.min_days, rule.days, rule.min_seconds, rule.seconds)
            if run.plan.strict:  # who would be shifted by nothing gets the bound, which nobody else gets
                days = known.days or (rule.days if rule.moves_days else 0)
                known = Shift(days, known.seconds if days else known.seconds or rule.seconds)
        else:
            known = Shift(_by_tag(run, rule.days_tag), _by_tag(run, rule.seconds_tag))
            if run.plan.strict and not (known.days or known.seconds):
                raise Hold("DateNotShiftable", f"the tags of rule {rule.name!r} say a shift of nothing")
        run.shifts[rule.position] = known
    return known


def _ranged(run: Run, least: int, days: int, least_seconds: int, seconds: int) -> Shift:
    key, patient = run.plan.key, run.patient_id
    return Shift(scaled(key, patient, least, days), scaled(key, patient, least_seconds, seconds))


def _by_tag(run: Run, tag: int | None) -> int:
    if tag is None:
        return 0
    text = first_value(run.view.text(tag))
    if text.removeprefix("-").removeprefix("+").isdigit() and text.isascii() and len(text) < 10:
        return int(text)
    if run.plan.strict:
        raise Hold("DateNotShiftable", f"{named(tag)} holds the shift of dates, and no whole number")
    return 0


def _karnak_fallback(run: Run, element: Element) -> bytes:
    code = resolve("X/Z/D", run.type_of(element), strict=False)
    return REMOVED if code == "X" else b"" if code == "Z" else element.encoded(dummies.fixed_date(element.vr))


def modified_date(run: Run, element: Element, choice: Choice) -> bytes | None:
    """retainModifiedDates: whole days, so that times of day and intervals stay; never none."""
    return _shifted_all(run, element, _ranged(run, 1, dummies.SHIFT_DAYS + 1, 0, 0))


def default_date(run: Run, element: Element, choice: Choice) -> bytes | None:
    shift = _ranged(run, *_DEFAULT_SHIFT)
    if run.plan.strict:  # one patient in a year's worth would keep every date
        shift = Shift(shift.days or dummies.SHIFT_DAYS, shift.seconds or 1)
    return _shifted_all(run, element, shift)


def _shifted_all(run: Run, element: Element, shift: Shift) -> bytes:
    text, strict = element.text(), run.plan.strict
    if text is None:
        return b""
    values = text.split("\\") if strict else text.split("\\")[:1]
    try:
        return element.encoded(
            "\\".join(shifted(element.vr, part, shift, keep_offset=strict) if part else "" for part in values)
        )
    except Undatable:
        return element.encoded(dummies.fixed_date(element.vr)) if strict else _karnak_fallback(run, element)


def clean(run: Run, element: Element, choice: Choice) -> bytes | None:
    """C on a text: words that radiology uses stay."""
    text = element.text()
    if text is None:
        return None
    left = cleaned(text, run.identifying())
    if not left and run.type_of(element) in ("1", "1C"):
        left = dummies.TEXT
    return element.encoded(left)


def constant_dummy(tag: int, vr: bytes, *, strict: bool, needed: bool) -> bytes | None:
    """DDum of a VR whose dummy is always the same; None where the value matters, and for sequences."""
    if strict and vr == b"AS":  # an age in years doesn't change with less than a year's shift
        return bytes_of(vr, dummies.fixed_date(vr), ())
    if vr in DATE_VRS or vr in (b"UI", b"SQ"):
        return None
    text = dummies.formatted_dummy(tag, vr) if strict else dummies.dummy(vr)
    if text is not None:
        return bytes_of(vr, text, ())
    return dummies.binary_dummy(vr) if strict and needed else b""


def dummy_for(tag: int, vr: bytes, *, strict: bool, needed: bool) -> Act | None:
    """The action that makes DDum of a VR; None: the element gets empty."""
    if vr in DATE_VRS and not (strict and vr == b"AS"):
        return _needed_date if strict and needed else default_date
    if vr == b"UI":
        return uid
    constant = constant_dummy(tag, vr, strict=strict, needed=needed)
    return (lambda run, element, choice: constant) if constant else None


def _needed_date(run: Run, element: Element, choice: Choice) -> bytes | None:
    return default_date(run, element, choice) or element.encoded(dummies.fixed_date(element.vr))
