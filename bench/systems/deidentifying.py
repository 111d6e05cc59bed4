# SPDX-License-Identifier: Apache-2.0
"""The gateway with a Project that changes what its one destination gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.systems.dromos import Dromos
from dromos_gateway.deid.hashing import hashed_uid

_KEY = bytes(range(16))
_DEIDENTIFICATION = """
  deidentification:
    projectRef: {name: bench}
    pseudonym: {tag: {tag: "(0010,0020)"}}
"""
_MORPHING = """
  tagMorphing: {projectRef: {name: bench}}
"""


class Deidentifying(Dromos):
    """Dromos under another name, with a profile as a Project's spec.profile has it."""

    def __init__(
        self, name: str, profile: Mapping[str, Any], *, uncleanable: str = "Hold", only_morphing: bool = False
    ) -> None:
        super().__init__(more=(_MORPHING if only_morphing else _DEIDENTIFICATION) + _project(profile, uncleanable))
        self.name = name


def outgoing(uid: str) -> str:
    """The UID that an instance has when it leaves."""
    return hashed_uid(_KEY, uid)


def _project(profile: Mapping[str, Any], uncleanable: str) -> str:
    return f"""---
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {{name: bench}}
spec:
  secretRef: {{name: bench}}
  uncleanable: {uncleanable}
  profile: {json.dumps(profile)}
---
apiVersion: v1
kind: Secret
metadata: {{name: bench}}
stringData: {{active: one, one: "{_KEY.hex()}"}}
"""
