# SPDX-License-Identifier: Apache-2.0
"""What every de-identified instance says about itself (karnak.md §1k), true and the same each time.

Karnak writes the time of creation; here Instance Creation Date and Time follow the profile: with a clock in it, the
second attempt of a delivery would differ from the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dromos_crds.additions import ill_formed
from dromos_crds.profiles.confidentiality import Option
from dromos_crds.profiles.rules import ActionOnDates, ActionOnTags, BasicProfile, CleanPixels, Codename, Rule
from dromos_gateway.deid.hashing import patient_id
from dromos_gateway.deid.outcomes import Hold
from dromos_gateway.header.values import bytes_of

if TYPE_CHECKING:
    from dromos_gateway.deid.plan import Plan

_MEANINGS: Final = {  # CID 7050
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113102": "Clean Recognizable Visual Features Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
_OPTION_CODES: Final = {
    Option.RETAIN_UIDS: "113110",
    Option.RETAIN_DEVICE: "113109",
    Option.RETAIN_INSTITUTION: "113112",
    Option.RETAIN_PATIENT_CHARACTERISTICS: "113108",
    Option.RETAIN_FULL_DATES: "113106",
    Option.RETAIN_MODIFIED_DATES: "113107",
    Option.CLEAN_DESCRIPTORS: "113105",
    Option.CLEAN_STRUCTURED_CONTENT: "113104",
    Option.CLEAN_GRAPHICS: "113103",
    Option.RETAIN_SAFE_PRIVATE: "113111",
}
_KARNAK_CODES: Final = {
    Codename.BASIC: "113100",
    Codename.CLEAN_PIXELS: "113101",
    Codename.CLEAN_FACES: "113102",
    Codename.PRIVATE_TAGS: "113111",
    Codename.DATES: "113107",
}
_LONGEST_LO: Final = 64
_BURNED_IN: Final = 0x00280301  # Burned In Annotation: NO where a mask is drawn, else what the profile makes of it
# tag: VR; what stands here goes from the source, whatever the profile says
WRITTEN: Final = {
    0x00100010: b"PN",
    0x00100020: b"LO",
    0x00120010: b"LO",
    0x00120020: b"LO",
    0x00120021: b"LO",
    0x00120030: b"LO",
    0x00120031: b"LO",
    0x00120040: b"LO",
    0x00120042: b"LO",
    0x00120062: b"CS",
    0x00120063: b"LO",
    0x00120064: b"SQ",
    0x00120081: b"LO",
    0x00120082: b"LO",
    0x00280303: b"CS",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run found out about itself, and the file says.

    `applied` are positions of rules that did something to a value; `dates_kept` is whether a rule kept a true date.
    """

    applied: frozenset[int] = frozenset()
    dates_kept: bool = False
    masked: bool = False


def is_written(plan: Plan, tag: int) -> bool:
    """Whether the profile has no say in what becomes of a root-level element. Karnak says nothing of its dates."""
    return tag in WRITTEN and not plan.morphing and (plan.strict or tag != 0x00280303)


def vr_of(tag: int) -> bytes:
    """The VR of what is written."""
    return WRITTEN.get(tag, b"CS")


def karnak_codes(rules: Iterable[Rule]) -> tuple[str, ...]:
    """One for each kind of rule in the profile, whether it did anything or not."""
    return tuple(dict.fromkeys(_KARNAK_CODES[rule.codename] for rule in rules if rule.codename in _KARNAK_CODES))


def applied_codes(plan: Plan, truths: tuple[bool, ...], facts: Facts) -> tuple[str, ...]:
    """Those of rules that were carried out, in the profile's order."""
    codes: list[str] = []
    for rule in plan.rules:
        if not truths[rule.position]:
            continue
        if isinstance(rule, BasicProfile):
            codes += ["113100", *(_OPTION_CODES[option] for option in Option if option in rule.options)]
        elif isinstance(rule, CleanPixels) and facts.masked:
            codes.append("113101")
        elif rule.position in facts.applied:
            if isinstance(rule, ActionOnDates):
                codes.append("113107")
            elif isinstance(rule, ActionOnTags) and rule.private_only and rule.action == "K":
                codes.append("113111")
    return tuple(dict.fromkeys(codes))


def always_written(
    plan: Plan, truths: tuple[bool, ...], facts: Facts, pseudonym: str, encodings: tuple[str, ...]
) -> dict[int, bytes]:
    """Value of each element that is written, by tag; of WRITTEN, what is not in here is left out."""
    project = _short(plan.recipe.project)
    values = {
        0x00100010: _pseudonym(0x00100010, pseudonym, encodings),
        0x00100020: bytes_of(b"LO", patient_id(plan.key, pseudonym), encodings),
        0x00120010: project,
        0x00120020: _short(plan.profile.name) or project,
        0x00120021: b"",
        0x00120030: b"",
        0x00120031: b"",
        0x00120040: _pseudonym(0x00120040, pseudonym, encodings),
        0x00120062: b"YES ",
    }
    if plan.strict:
        values[0x00120063] = _method(plan, truths, facts)
        values[0x00280303] = _longitudinal(plan, truths, facts)
        if facts.masked:
            values[_BURNED_IN] = b"NO"
    return values


def code_items(codes: Iterable[str]) -> list[list[tuple[int, bytes, bytes]]]:
    """(0012,0064): each item's elements, (tag, VR, value)."""
    return [
        [
            (0x00080100, b"SH", bytes_of(b"SH", code, ())),
            (0x00080102, b"SH", b"DCM "),
            (0x00080104, b"LO", bytes_of(b"LO", _MEANINGS[code], ())),
        ]
        for code in codes
    ]


def _method(plan: Plan, truths: tuple[bool, ...], facts: Facts) -> bytes:
    """(0012,0063): the codenames of the rules that were carried out, one value each."""
    names = [
        rule.codename
        for rule in plan.rules
        if truths[rule.position]
        and (
            isinstance(rule, BasicProfile)
            or rule.position in facts.applied
            or (isinstance(rule, CleanPixels) and facts.masked)
        )
    ]
    return bytes_of(b"LO", "\\".join(dict.fromkeys(names)), ())


def _longitudinal(plan: Plan, truths: tuple[bool, ...], facts: Facts) -> bytes:
    """(0028,0303), PS3.15 E.3.6: true dates, moved ones, or none."""
    if facts.dates_kept or Option.RETAIN_FULL_DATES in plan.options:
        return bytes_of(b"CS", "UNMODIFIED", ())
    moved = any(rule.position in facts.applied and truths[rule.position] for rule in plan.dates)
    return bytes_of(b"CS", "MODIFIED" if moved or Option.RETAIN_MODIFIED_DATES in plan.options else "REMOVED", ())


def _short(text: str) -> bytes:
    plain = "".join(char if char.isprintable() and char != "\\" else "?" for char in text)
    return bytes_of(b"LO", plain.encode("ascii", "replace").decode("ascii")[:_LONGEST_LO].strip(), ())


def _pseudonym(tag: int, text: str, encodings: tuple[str, ...]) -> bytes:
    fits = text.strip() and "\\" not in text and text.isprintable()
    if not fits or ill_formed("LO", text) or ill_formed("PN", text):
        rule = "1 to 64 characters, no backslash, no control character and at most two equal signs"
        raise Hold("PseudonymInvalid", f"the pseudonym can be no Patient's Name: it must have {rule}")
    try:
        return bytes_of(WRITTEN[tag], text, encodings)
    except UnicodeEncodeError:
        message = "the pseudonym can't be written in the instance's character set"
        raise Hold("CharacterSet", message) from None
