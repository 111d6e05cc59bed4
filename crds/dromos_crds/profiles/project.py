# SPDX-License-Identifier: Apache-2.0
"""The profile of a Project, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dromos_crds import reasons
from dromos_crds.profiles.files import read_profile_file
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.reading import CheckedProfile, read_profile
from dromos_crds.profiles.rules import ReplaceByAPI
from dromos_crds.project import ProjectSpec

INCOMPLETE = (
    "a de-identifying Destination needs a profile that ends with basic.dicom.profile, without a condition; "
    "with compatibility: Karnak it is up to you"
)


def profile_of(
    spec: ProjectSpec, config_map: Mapping[str, str] | None
) -> tuple[CheckedProfile | None, tuple[ProfileProblem, ...]]:
    """A Project's profile, or None and what is wrong; paths begin at ``spec``.

    `config_map` is the data of the ConfigMap that `profileFrom` names, None when it isn't at hand: nothing is wrong
    with a profile that cannot be seen.
    """
    strict = spec.compatibility == "Strict"
    if spec.profile is not None:
        checked, problems = read_profile(spec.profile, strict=strict)
        return _with_authorization(spec, checked, tuple(_at("spec.profile", found) for found in problems))
    if spec.profile_from is None or config_map is None:
        return None, ()
    key = spec.profile_from.config_map_key_ref.key
    text = config_map.get(key)
    if text is None:
        return None, ()
    profile, problems = read_profile_file(text)
    if profile is None:
        return None, tuple(_in_file(key, found) for found in problems)
    checked, problems = read_profile(profile, strict=strict)
    return _with_authorization(spec, checked, tuple(_in_file(key, found) for found in problems))


def incomplete(spec: ProjectSpec, profile: CheckedProfile) -> bool:
    """Whether the profile leaves too much for a Destination that de-identifies (design: `ProfileIncomplete`)."""
    return spec.compatibility == "Strict" and not profile.complete


def _with_authorization(
    spec: ProjectSpec, profile: CheckedProfile | None, problems: tuple[ProfileProblem, ...]
) -> tuple[CheckedProfile | None, tuple[ProfileProblem, ...]]:
    missing = tuple(_unknown_configs(spec, profile)) if profile is not None else ()
    return (None if missing else profile), (*problems, *missing)


def _unknown_configs(spec: ProjectSpec, profile: CheckedProfile) -> Iterator[ProfileProblem]:
    known = [config.name for config in spec.auth_configs]
    for rule in profile.rules:
        wanted = rule.call.auth_config if isinstance(rule, ReplaceByAPI) and rule.call is not None else None
        if wanted is not None and wanted not in known:
            message = f"rule {rule.name!r} of the profile names the authConfig {wanted!r}"
            yield ProfileProblem("spec.authConfigs", f"{message}; there are: {', '.join(known) or 'none'}")


def _at(field: str, problem: ProfileProblem) -> ProfileProblem:
    return ProfileProblem(f"{field}.{problem.path}".rstrip("."), problem.message, problem.reason)


def _in_file(key: str, problem: ProfileProblem) -> ProfileProblem:
    return ProfileProblem("spec.profileFrom.configMapKeyRef", f"{key}: {problem}", problem.reason or reasons.INVALID)
