# SPDX-License-Identifier: Apache-2.0
"""Finds a project's store for `dromos pseudonyms`: in manifests, at a Redis URL, or through the kubeconfig."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from dromos_crds import Project, Secret, manifests
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.pseudonyms.cluster import Cluster, NotInCluster
from dromos_gateway.pseudonyms.holders import ClusterHolder, Holder, ManifestHolder, RedisHolder
from dromos_gateway.pseudonyms.redisstore import RedisSettings, RedisStore
from dromos_gateway.pseudonyms.source import CSVSource, source_of


class NoStore(Exception):
    """The project, or its store, is not there; the message says what to do."""


def at_url(url: str, project: str, username: str | None, password: str | None, ttl: int) -> Holder:
    """A Redis that the command line names; user information in the URL is taken out of it. NoStore."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NoStore("the Redis URL is not usable; write redis://HOST:PORT/DATABASE") from None
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise NoStore("the Redis URL is not usable; write redis://HOST:PORT/DATABASE")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    plain = urlunsplit((parts.scheme, host if port is None else f"{host}:{port}", parts.path, parts.query, ""))
    own_name = unquote(parts.username) if parts.username else None
    own_password = unquote(parts.password) if parts.password else None
    return _redis(RedisSettings(plain, username or own_name, password or own_password, ttl), project)


def in_manifests(paths: Sequence[Path], name: str, namespace: str | None) -> Holder:
    """The store of a Project among manifests. NoStore, OSError."""
    read = manifests.read(paths)
    project = _project(read, name, namespace)
    secrets = {f"{secret.metadata.namespace}/{secret.metadata.name}": secret for secret in read.secrets}
    try:
        source = source_of(project, secrets)
    except Unresolved as error:
        raise NoStore(f"Project {name}: {error.field}: {error}") from None
    if not isinstance(source, CSVSource):
        return _redis(source, name)
    selector = project.spec.pseudonyms.secret_key_ref if project.spec.pseudonyms is not None else None
    if selector is None:
        raise NoStore(f"Project {name} names no Secret")
    identity = ("Secret", project.metadata.namespace, selector.name)
    file = Path(next(document.file for document in read.documents if document.identity == identity))

    def value() -> bytes:
        found = [item for item in manifests.read([file]).documents if item.identity == identity]
        secret = found[0].object if found else None
        content = secret.data.get(selector.key) if isinstance(secret, Secret) else None
        if content is None:
            raise NoStore(f"{file}: Secret {selector.name} has no key {selector.key} any more")
        return content

    return ManifestHolder(file, project.metadata.namespace, selector.name, selector.key, value)


def in_cluster(context: str | None, namespace: str | None, name: str) -> Holder:
    """The store of a Project in a cluster. NoStore, StoreUnavailable."""
    cluster = Cluster(context, namespace)
    try:
        project = cluster.project(name)
        pseudonyms = project.spec.pseudonyms
        if pseudonyms is not None and (selector := pseudonyms.secret_key_ref) is not None:
            return ClusterHolder(cluster, selector.name, selector.key)
        redis = pseudonyms.redis if pseudonyms is not None else None
        login = redis.secret_ref if redis is not None else None
        secrets = {f"{cluster.namespace}/{login.name}": cluster.secret(login.name)} if login is not None else {}
        project = project.model_copy(
            update={"metadata": project.metadata.model_copy(update={"namespace": cluster.namespace})}
        )
        source = source_of(project, secrets)
    except NotInCluster as error:
        raise NoStore(str(error)) from None
    except Unresolved as error:
        raise NoStore(f"Project {name}: {error.field}: {error}") from None
    if isinstance(source, CSVSource):
        raise NoStore(f"Project {name} names no store")
    return _redis(source, name)


def _redis(settings: RedisSettings, project: str) -> Holder:
    return RedisHolder(RedisStore(settings, project), f"Redis at {settings.place}")


def _project(read: manifests.Manifests, name: str, namespace: str | None) -> Project:
    found = [
        project
        for project in read.projects
        if project.metadata.name == name and namespace in (None, project.metadata.namespace)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        spaces = ", ".join(sorted(project.metadata.namespace for project in found))
        raise NoStore(f"there is a Project {name} in several namespaces ({spaces}); choose with --namespace")
    broken = [problem for problem in read.problems if problem.kind == "Project" and problem.name == name]
    if broken:
        raise NoStore(str(broken[0]))
    known = ", ".join(sorted(project.metadata.name for project in read.projects)) or "none"
    raise NoStore(f"there is no Project {name} among these manifests; there are: {known}")
