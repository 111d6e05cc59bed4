# SPDX-License-Identifier: Apache-2.0
"""A Project's authConfigs, resolved, and the one `Endpoints` that a process has for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from dromos_crds import Project, Secret, reasons
from dromos_gateway.configuration.references import Unresolved
from dromos_gateway.endpoints.service import Endpoints
from dromos_gateway.web.oauth2 import ClientCredentials

AuthConfigs = tuple[tuple[str, ClientCredentials], ...]  # by name; hashable, and plain data for worker processes


def auth_configs_of(project: Project, secrets: Mapping[str, Secret]) -> AuthConfigs:
    """Name and credentials of each authConfig; `secrets` by namespace/name. Unresolved."""
    return tuple(
        (config.name, _credentials(project, index, secrets)) for index, config in enumerate(project.spec.auth_configs)
    )


@lru_cache(maxsize=32)
def endpoints_of(project: str, auth_configs: AuthConfigs) -> Endpoints:
    """The services of a project (namespace/name): connections, tokens and answers are kept as long as the process."""
    return Endpoints(dict(auth_configs))


def _credentials(project: Project, index: int, secrets: Mapping[str, Secret]) -> ClientCredentials:
    wanted = project.spec.auth_configs[index].oauth2
    field = f"spec.authConfigs[{index}].oauth2.secretRef"
    namespace, name = project.metadata.namespace, wanted.secret_ref.name
    secret = secrets.get(f"{namespace}/{name}")
    if secret is None:
        raise Unresolved(reasons.SECRET_NOT_FOUND, field, f"Secret {name} does not exist in namespace {namespace}")
    values = []
    for key in ("client_id", "client_secret"):
        if key not in secret.data:
            raise Unresolved(reasons.SECRET_KEY_NOT_FOUND, field, f"Secret {name} has no key {key}")
        values.append(secret.data[key].decode(errors="replace").rstrip("\r\n"))
    return ClientCredentials(wanted.token_url, values[0], values[1], wanted.scopes)
