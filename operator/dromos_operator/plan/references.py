# SPDX-License-Identifier: Apache-2.0
"""What the three kinds refer to, as the operator sees it: a Project's keys are its own where it names none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dromos_crds import references as manifest
from dromos_crds.project import ProjectSpec
from dromos_crds.references import Reference, of_destination, of_forward_node
from dromos_operator.plan import names

__all__ = ["Reference", "of_destination", "of_forward_node", "of_project"]

_KEYS = "spec.secretRef"


def of_project(name: str, spec: ProjectSpec) -> Iterator[Reference]:
    """What a Project refers to; of its key Secret the whole, since past keys still open what they closed."""
    if spec.secret_ref is None:
        yield Reference("Secret", names.project_key(name), _KEYS)
    for reference in manifest.of_project(spec):
        yield replace(reference, keys=()) if reference.field == _KEYS else reference
