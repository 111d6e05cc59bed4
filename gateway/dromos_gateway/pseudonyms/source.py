# SPDX-License-Identifier: Apache-2.0
"""Where a Project keeps its pseudonyms, resolved: what a worker process or a command needs to open the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dromos_crds import Project, Secret, reasons
from dromos_crds.durations import parse_duration
from dromos_crds.pseudonyms.csvstore import CSVStore
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.pseudonyms.redisstore import RedisSettings, RedisStore
from dromos_gateway.pseudonyms.store import Store

_FIELD = "spec.pseudonyms"


@dataclass(frozen=True, slots=True)
class CSVSource:
    """The text that a Secret holds."""

    content: bytes = field(repr=False)


Source = CSVSource | RedisSettings


def source_of(project: Project, secrets: Mapping[str, Secret]) -> Source:
    """Where the pseudonyms are; `secrets` by namespace/name. Unresolved when the Project or a Secret does not say."""
    pseudonyms, namespace = project.spec.pseudonyms, project.metadata.namespace
    if pseudonyms is None:
        text = f"Project {project.metadata.name} has no stored pseudonyms; give spec.pseudonyms"
        raise Unresolved(reasons.INVALID, _FIELD, text)
    if (selector := pseudonyms.secret_key_ref) is not None:
        where = f"{_FIELD}.secretKeyRef"
        return CSVSource(_value(_secret(secrets, namespace, selector.name, where), selector.key, where))
    redis = pseudonyms.redis
    if redis is None:  # the model refuses it
        raise Unresolved(reasons.INVALID, _FIELD, "exactly one of secretKeyRef and redis is needed")
    username = password = None
    if redis.secret_ref is not None:
        login = _secret(secrets, namespace, redis.secret_ref.name, f"{_FIELD}.redis.secretRef")
        password = _value(login, "password", f"{_FIELD}.redis.secretRef").decode().strip()
        username = login.data.get("username", b"").decode().strip() or None
    return RedisSettings(redis.url, username, password, int(parse_duration(redis.ttl)))


def open_store(source: Source, project: str) -> Store:
    """The store of a project. TableRefused for a CSV text that is not usable; Redis is asked only later."""
    return CSVStore(source.content) if isinstance(source, CSVSource) else RedisStore(source, project)


def _secret(secrets: Mapping[str, Secret], namespace: str, name: str, where: str) -> Secret:
    secret = secrets.get(f"{namespace}/{name}")
    if secret is None:
        raise Unresolved(reasons.SECRET_NOT_FOUND, where, f"Secret {name} does not exist in namespace {namespace}")
    return secret


def _value(secret: Secret, key: str, where: str) -> bytes:
    value = secret.data.get(key)
    if value is None:
        raise Unresolved(reasons.SECRET_KEY_NOT_FOUND, where, f"Secret {secret.metadata.name} has no key {key}")
    return value
