# SPDX-License-Identifier: Apache-2.0
"""Profile files, as Karnak exports them: YAML in which every scalar is text, quoted or not."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from dromos_crds import reasons
from dromos_crds.profile import Profile
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.refusals import dotted, explain
from dromos_crds.yamltree import YAMLSyntaxError, parse


def read_profile_file(text: str) -> tuple[Profile | None, tuple[ProfileProblem, ...]]:
    """A profile's shape from the text of a file, or None and what is wrong with it."""
    try:
        trees = list(parse(text, as_text=True))
    except YAMLSyntaxError as error:
        return None, (ProfileProblem("", f"YAML syntax error in line {error.line}: {error}", reasons.UNREADABLE),)
    if len(trees) != 1 or not isinstance(trees[0].data, dict):
        return None, (ProfileProblem("", "a profile file is one mapping with name and profileElements"),)
    try:
        return Profile.model_validate_json(json.dumps(_without_empties(trees[0].data)), strict=True), ()
    except ValidationError as error:
        return None, tuple(
            ProfileProblem(
                dotted(refusal.path),
                refusal.sentence,
                reasons.UNKNOWN_FIELD if refusal.is_unknown_field else reasons.INVALID,
            )
            for refusal in explain(error, Profile)
        )


def _without_empties(data: Any) -> Any:
    """Karnak's exports have keys without a value for what is not set."""
    if isinstance(data, dict):
        return {key: _without_empties(value) for key, value in data.items() if value is not None}
    return [_without_empties(value) for value in data] if isinstance(data, list) else data
