# SPDX-License-Identifier: Apache-2.0
"""The API of Dromos: models of the three kinds, and the reading of manifests."""

from dromos_crds.destination import Destination
from dromos_crds.forwardnode import ForwardNode
from dromos_crds.metadata import ConfigMap, Secret
from dromos_crds.project import Project

GROUP = "dromos.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = ["API_VERSION", "GROUP", "VERSION", "ConfigMap", "Destination", "ForwardNode", "Project", "Secret"]
