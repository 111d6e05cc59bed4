# SPDX-License-Identifier: Apache-2.0
"""The API of Dromos: models of the three kinds, and the reading of manifests.

The models are built when somebody asks for the first of them: the sending process, which wants a name from here, starts
in half the time without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dromos_crds.destination import Destination
    from dromos_crds.forwardnode import ForwardNode
    from dromos_crds.metadata import ConfigMap, Secret
    from dromos_crds.project import Project

GROUP = "dromos.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = ["API_VERSION", "GROUP", "VERSION", "ConfigMap", "Destination", "ForwardNode", "Project", "Secret"]

_HOMES = {
    "ConfigMap": "metadata",
    "Destination": "destination",
    "ForwardNode": "forwardnode",
    "Project": "project",
    "Secret": "metadata",
}


def __getattr__(name: str) -> object:
    """A model, from the module that has it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
