# SPDX-License-Identifier: Apache-2.0
"""A Project's authConfigs, resolved. Imports no HTTP client: the main process reads manifests, too."""

from __future__ import annotations

from collections.abc import Mapping

from dromos_crds import Project, Secret
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import OAuth2Settings
from dromos_gateway.configuration.web import oauth2_settings

AuthConfigs = tuple[tuple[str, OAuth2Settings], ...]  # by name; hashable, and plain data for worker processes


def auth_configs_of(project: Project, secrets: Mapping[str, Secret]) -> AuthConfigs:
    """Name and credentials of each authConfig; `secrets` by namespace/name. Unresolved."""
    references, namespace = References(secrets, {}), project.metadata.namespace
    return tuple(
        (config.name, oauth2_settings(namespace, config.oauth2, references, f"spec.authConfigs[{index}].oauth2"))
        for index, config in enumerate(project.spec.auth_configs)
    )
