# SPDX-License-Identifier: Apache-2.0
"""Manifests for the operator's tests, with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any


def manifest(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """A manifest of ours; fields that are None are left out."""
    given = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": "dromos.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": given}


def node(name: str = "radiology", **spec: Any) -> dict[str, Any]:
    """A ForwardNode."""
    return manifest("ForwardNode", name, **{"aeTitle": "RADIOLOGY", "spool": {"size": "64Mi"}, **spec})


def destination(name: str, to: str = "radiology", **spec: Any) -> dict[str, Any]:
    """A Destination."""
    dicom = {"aeTitle": "ARCHIVE", "hostname": "archive", "port": 104}
    return manifest("Destination", name, **{"forwardNodeRef": {"name": to}, "dicom": dicom, **spec})
