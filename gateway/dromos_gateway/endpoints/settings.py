# SPDX-License-Identifier: Apache-2.0
"""A Project's authConfigs, resolved. Imports no HTTP client: the main process reads manifests, too."""

from __future__ import annotations

from collections.abc import Mapping

from dromos_crds import Project, Secret
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import OAuth2Settings

AuthConfigs = tuple[tuple[str, OAuth2Settings], ...]  # by name; hashable, and plain data for worker processes


def auth_configs_of(project: Project, secrets: Mapping[str, Secret]) -> AuthConfigs:
    """Name and credentials of each authConfig; `secrets` by namespace/name. Unresolved."""
    references = References(secrets, {})
    return tuple(
        (config.name, _credentials(project, index, references))
        for index, config in enumerate(project.spec.auth_configs)
    )


def _credentials(project: Project, index: int, references: References) -> OAuth2Settings:
    wanted = project.spec.auth_configs[index].oauth2
    field, namespace = f"spec.authConfigs[{index}].oauth2.secretRef", project.metadata.namespace

    def value(key: str) -> str:
        raw = references.secret(namespace, wanted.secret_ref.name, key, field)
        return raw.decode(errors="replace").rstrip("\r\n")

    return OAuth2Settings(wanted.token_url, value("client_id"), value("client_secret"), wanted.scopes)
