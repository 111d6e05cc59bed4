# SPDX-License-Identifier: Apache-2.0
"""What the three kinds refer to, as the operator sees it: keys that are not named are those it makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dromos_crds import ForwardNode
from dromos_crds import references as manifest
from dromos_crds.project import ProjectSpec
from dromos_crds.projectkeys import made_secret
from dromos_crds.references import Reference, of_destination
from dromos_operator.plan import defaults, names

__all__ = ["Reference", "of_destination", "of_forward_node", "of_project"]

_KEYS = "spec.secretRef"


def of_forward_node(node: ForwardNode) -> Iterator[Reference]:
    """What a ForwardNode refers to; the key of its transfer log is the operator's where it names none."""
    yield from manifest.of_forward_node(node.spec)
    if defaults.keeps_originals(node):
        yield Reference("Secret", names.log_key(node.metadata.name), "spec.transferLog.key", (defaults.KEY,))


def of_project(name: str, spec: ProjectSpec) -> Iterator[Reference]:
    """What a Project refers to; of its key Secret the whole, since past keys still open what they closed."""
    if spec.secret_ref is None:
        yield Reference("Secret", made_secret(name), _KEYS)
    for reference in manifest.of_project(spec):
        yield replace(reference, keys=()) if reference.field == _KEYS else reference
