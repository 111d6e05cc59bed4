# SPDX-License-Identifier: Apache-2.0
"""Which profile and which key a Destination works with, and since when: `status.profile`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from dromos_crds import Project
from dromos_operator.plan import projectkeys
from dromos_operator.plan.resolve import Surroundings


def applied(project: Project, around: Surroundings, before: Mapping[str, Any] | None, now: str) -> dict[str, Any]:
    """What is in force from `now` on; or still is, when `before` says the same."""
    profile = _profile(project, around)
    found = {
        "name": str(profile.get("name") or ""),
        "version": str(profile.get("version") or ""),
        "digest": hashlib.sha256(json.dumps(profile, sort_keys=True).encode()).hexdigest()[:16],
        "secretFingerprint": projectkeys.fingerprint(project, around.secrets),
    }
    current = {field: text for field, text in found.items() if text}
    if before is not None and {**before, "appliedAt": ""} == {**current, "appliedAt": ""}:
        return dict(before)
    return {**current, "appliedAt": now}


def _profile(project: Project, around: Surroundings) -> dict[str, Any]:
    spec = project.spec
    if spec.profile is not None:
        return spec.profile.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert spec.profile_from is not None  # noqa: S101 - one of both, the model says
    source = spec.profile_from.config_map_key_ref
    return _file(((around.config_maps.get(source.name) or {}).get("data") or {}).get(source.key, ""))


@lru_cache(maxsize=64)
def _file(text: str) -> dict[str, Any]:
    try:
        # every scalar as text: YAML 1.1 makes other numbers of unquoted tags
        found = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - the base loader makes nothing but text
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
