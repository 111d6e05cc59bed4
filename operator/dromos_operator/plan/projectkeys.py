# SPDX-License-Identifier: Apache-2.0
"""A Project's keys as the operator sees them: whether one can be used, and its fingerprint. Values are never said."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from dromos_crds import Project
from dromos_crds.projectkeys import InvalidKeys, key_secret, read_keys
from dromos_operator.kinds import Object

FIELD = "spec.secretRef"


def problem(project: Project, secrets: Mapping[str, Object]) -> str:
    """Why the key Secret, which is there, has no key that can be used; empty when it has one."""
    name = key_secret(project)
    try:
        read_keys(_decoded(secrets[name]))
    except InvalidKeys as error:
        return f"{FIELD}: Secret {name!r} {error}"
    return ""


def fingerprint(project: Project, secrets: Mapping[str, Object]) -> str:
    """The fingerprint of the key that is in use; empty when there is none."""
    try:
        return read_keys(_decoded(secrets.get(key_secret(project), {}))).active.fingerprint
    except InvalidKeys:
        return ""


def _decoded(secret: Object) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for key, text in (secret.get("data") or {}).items():
        try:
            found[key] = base64.b64decode(text)
        except (binascii.Error, TypeError):
            continue
    return found
