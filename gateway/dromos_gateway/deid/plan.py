# SPDX-License-Identifier: Apache-2.0
"""A profile compiled to tables: for each element that an instance may have, what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from dromos_crds.profile import Profile
from dromos_crds.profiles import CheckedProfile, read_profile
from dromos_crds.profiles.confidentiality import Option
from dromos_crds.profiles.rules import (
    ActionOnDates,
    AddPrivateTag,
    AddTag,
    BasicProfile,
    CleanPixels,
    ReplaceByAPI,
    Rule,
)
from dromos_gateway.deid.level import Level
from dromos_gateway.deid.written import Facts
from dromos_gateway.header.encoding import Encoding
from dromos_gateway.header.view import HeaderView

_MOST_LEVELS: Final = 4096


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a plan is made of; goes from process to process.

    profile        the profile as JSON, as the Project or the ConfigMap has it
    project        name of the Project
    key            16 bytes
    compatibility  Strict or Karnak
    uncleanable    Hold, Exclude or Allow
    morphing       tag morphing: no pseudonym, nothing always written, no masks
    """

    profile: str = field(repr=False)
    project: str
    key: bytes = field(repr=False)
    compatibility: str = "Strict"
    uncleanable: str = "Hold"
    morphing: bool = False


def recipe_of(
    profile: Profile, *, project: str, key: bytes, compatibility: str, uncleanable: str, morphing: bool
) -> Recipe:
    """A recipe from a Project's parts."""
    text = json.dumps(profile.model_dump(by_alias=True, exclude_defaults=True), sort_keys=True)
    return Recipe(text, project, key, compatibility, uncleanable, morphing)


class Unusable(ValueError):
    """The recipe's profile does not check, or its key is not 16 bytes: the Destination is held."""


class Plan:
    """What one recipe does, and the tables of what was decided already."""

    def __init__(self, recipe: Recipe, profile: CheckedProfile) -> None:
        self.recipe = recipe
        self.profile = profile
        self.rules = profile.rules
        self.key = recipe.key
        self.strict = recipe.compatibility == "Strict"
        self.morphing = recipe.morphing
        self.basic = next((rule for rule in profile.rules if isinstance(rule, BasicProfile)), None)
        self.options: frozenset[Option] = self.basic.options if self.basic is not None else frozenset()
        self.pixels = next((rule for rule in profile.rules if isinstance(rule, CleanPixels)), None)
        self.adds = tuple(rule for rule in profile.rules if isinstance(rule, AddTag | AddPrivateTag))
        self.dates = tuple(rule for rule in profile.rules if isinstance(rule, ActionOnDates))
        self.calls_services = any(isinstance(rule, ReplaceByAPI) for rule in profile.rules)
        self.may_keep_private = Option.RETAIN_SAFE_PRIVATE in self.options or (
            self.strict and not _only_table(profile.rules)
        )
        # what instances like it turned out to say about themselves: a guess, which saves a second walk
        self.usual_facts: dict[tuple[str | None, tuple[bool, ...]], Facts] = {}
        self.written: dict[tuple[object, ...], tuple[dict[int, bytes], dict[int, str | None]]] = {}
        self._levels: dict[tuple[object, ...], Level] = {}
        self._conditional = tuple(rule for rule in profile.rules if rule.condition is not None)

    def truths(self, view: HeaderView) -> tuple[bool, ...]:
        """Whether each rule's condition is true of the instance; by the rule's position. ExpressionFailed."""
        if not self._conditional:
            return (True,) * len(self.rules)
        return tuple(rule.condition is None or rule.condition.holds(view) for rule in self.rules)

    def root(self, sop_class_uid: str, truths: tuple[bool, ...], encoding: Encoding) -> Level:
        """The table for root-level elements of such instances."""
        return self.level(sop_class_uid, truths, (), None, None, encoding)

    def level(
        self,
        sop_class_uid: str,
        truths: tuple[bool, ...],
        path: tuple[int, ...],
        limit: int | None,
        inherited: tuple[int, str, str | None] | None,
        encoding: Encoding,
    ) -> Level:
        """The table for elements inside the sequences of `path`, whose parent was matched by rule `limit`.

        `inherited` is the parent's action: (position of its rule, code, value).
        """
        key = (sop_class_uid, truths, path, limit, inherited, encoding)
        found = self._levels.get(key)
        if found is None:
            if len(self._levels) >= _MOST_LEVELS:
                self._levels.clear()
            found = self._levels[key] = Level(self, sop_class_uid, truths, path, limit, inherited, encoding)
        return found


@lru_cache(maxsize=64)
def compile_plan(recipe: Recipe) -> Plan:
    """The plan of a recipe; `Unusable` says what is wrong with it. The same object for the same recipe."""
    if len(recipe.key) != 16:
        raise Unusable("the project's key is not 16 bytes")
    profile = Profile.model_validate_json(recipe.profile)
    checked, problems = read_profile(profile, strict=recipe.compatibility == "Strict")
    if checked is None:
        raise Unusable("; ".join(str(problem) for problem in problems))
    return Plan(recipe, checked)


def _only_table(rules: Iterable[Rule]) -> bool:
    """Whether no rule can keep a private element."""
    return all(isinstance(rule, BasicProfile | CleanPixels | AddTag) for rule in rules)
