# SPDX-License-Identifier: Apache-2.0
"""From a profile's text to rules that mean something."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dromos_crds import reasons
from dromos_crds.masks import Mask, parse_mask
from dromos_crds.profile import Profile
from dromos_crds.profiles import rulemaking
from dromos_crds.profiles.element import ElementReader
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.rules import BasicProfile, CleanPixels, Codename, Rule
from dromos_crds.profiles.strictness import strict_doublets, strict_problems

_READERS: Mapping[Codename, Callable[[ElementReader], Rule]] = {
    Codename.BASIC: rulemaking.basic_profile,
    Codename.CLEAN_PIXELS: rulemaking.clean_pixels,
    Codename.REPLACE_UIDS: rulemaking.replace_uids,
    Codename.SPECIFIC_TAGS: rulemaking.specific_tags,
    Codename.PRIVATE_TAGS: rulemaking.private_tags,
    Codename.DATES: rulemaking.dates,
    Codename.EXPRESSION: rulemaking.expression,
    Codename.ADD_TAG: rulemaking.add_tag,
    Codename.ADD_PRIVATE_TAG: rulemaking.add_private_tag,
    Codename.REPLACE_API: rulemaking.replace_api,
}


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """A profile that can be carried out."""

    name: str
    version: str
    default_issuer: str | None
    rules: tuple[Rule, ...]
    masks: tuple[Mask, ...]

    @property
    def complete(self) -> bool:
        """Whether it ends with the basic profile, without a condition; `clean.pixel.data` may stand behind it."""
        others = [rule for rule in self.rules if not isinstance(rule, CleanPixels)]
        return bool(others) and isinstance(others[-1], BasicProfile) and others[-1].condition is None


def read_profile(profile: Profile, *, strict: bool = True) -> tuple[CheckedProfile | None, tuple[ProfileProblem, ...]]:
    """The rules of a profile, or None and everything that is wrong with it.

    With `strict`, as for `compatibility: Strict`, what would let values through unchanged is wrong too.
    """
    problems: list[ProfileProblem] = []
    rules: list[Rule] = []
    for position, element in enumerate(profile.profile_elements):
        rule, found = read_element(position, element)
        problems += found
        if rule is not None:
            rules.append(rule)
            problems += strict_problems(rule) if strict else ()
    masks: list[Mask] = []
    for index, given in enumerate(profile.masks):
        mask = parse_mask(given)
        if isinstance(mask, Mask):
            masks.append(mask)
        else:
            problems.append(ProfileProblem(f"masks[{index}].{mask[0]}", mask[1]))
    problems += strict_doublets(rules, masks) if strict else ()
    if not profile.profile_elements:
        problems.append(ProfileProblem("profileElements", "a profile needs at least one rule"))
    if problems:
        return None, tuple(problems)
    issuer = profile.default_issuer_of_patient_id or None
    return CheckedProfile(str(profile.name), str(profile.version), issuer, tuple(rules), tuple(masks)), ()


def read_element(position: int, element: Mapping[str, Any]) -> tuple[Rule | None, list[ProfileProblem]]:
    """One rule, or None and what is wrong with it."""
    path = f"profileElements[{position}].codename"
    text = str(element.get("codename", ""))
    known = [str(codename) for codename in Codename]
    if text not in known:
        near = difflib.get_close_matches(text, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return None, [ProfileProblem(path, f"unknown codename {text!r}; {hint}")]
    codename = Codename(text)
    if codename not in _READERS:
        message = "defacing comes later; take this rule out, or nothing can be sent"
        return None, [ProfileProblem(path, message, reasons.NOT_SUPPORTED)]
    reader = ElementReader(position, element, codename)
    rule = _READERS[codename](reader)
    return (None if reader.problems else rule), reader.problems
