# SPDX-License-Identifier: Apache-2.0
"""Metadata of what the operator makes: labels, owner, and whose an object is.

Labels of the ForwardNode are not copied: Argo CD's tracking label on a child would make Argo CD prune it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dromos_operator.kinds import KINDS, Object
from dromos_operator.plan import names


def selector(node: str) -> dict[str, str]:
    """The labels that select a ForwardNode's pods; a StatefulSet's selector never changes."""
    return {
        "app.kubernetes.io/name": "dromos",
        "app.kubernetes.io/component": "gateway",
        "app.kubernetes.io/instance": names.workload(node),
    }


def labels(node: str) -> dict[str, str]:
    """The labels of everything that belongs to a ForwardNode."""
    return {**selector(node), "app.kubernetes.io/managed-by": "dromos"}


def receiving(is_so: bool) -> dict[str, str]:
    """The label of pods by which the Service chooses those that get new associations."""
    return {"dromos.dev/receiving": "true" if is_so else "false"}


def owned(node: Object, kind: str, name: str, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Head of an object that goes when its ForwardNode goes, even with the operator down."""
    metadata = node["metadata"]
    head: dict[str, Any] = {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": labels(metadata["name"]),
        "ownerReferences": [
            {
                "apiVersion": KINDS["ForwardNode"].api_version,
                "kind": "ForwardNode",
                "name": metadata["name"],
                "uid": metadata["uid"],
                "controller": True,
                "blockOwnerDeletion": False,  # would need a right on the ForwardNode's finalizers
            }
        ],
    }
    if annotations:
        head["annotations"] = dict(annotations)
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": head}


def is_owned_by(obj: Object, node: Object) -> bool:
    """Whether the ForwardNode controls the object; a namesake of former times does not count."""
    uid = node["metadata"]["uid"]
    return any(owner.get("uid") == uid and owner.get("controller") for owner in _owners(obj))


def _owners(obj: Object) -> tuple[Mapping[str, Any], ...]:
    return tuple(obj["metadata"].get("ownerReferences") or ())
