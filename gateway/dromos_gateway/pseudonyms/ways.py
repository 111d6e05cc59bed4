# SPDX-License-Identifier: Apache-2.0
"""A Destination's way to a pseudonym: what its manifests say, as plain data that goes to worker processes.

A way that asks nobody outside (`asks_outside` is False: CSV and tag) may be resolved anywhere, in microseconds; the
others wait for Redis or a service, seconds at worst, and belong into a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from dromos_crds import Destination, Project, Secret, reasons, tags
from dromos_crds.calls import Call, CallMistake, compile_call
from dromos_crds.destination import APIPseudonym, TagPseudonym
from dromos_crds.pseudonyms.table import TableRefused
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.endpoints.settings import AuthConfigs
from dromos_gateway.pseudonyms.redisstore import RedisSettings
from dromos_gateway.pseudonyms.resolution import (
    LATER,
    SOON,
    APIResolver,
    NoStore,
    Resolver,
    StoredResolver,
    TagResolver,
)
from dromos_gateway.pseudonyms.source import Source, open_store, source_of

_FIELD = "spec.deidentification.pseudonym"


@dataclass(frozen=True, slots=True)
class FromStore:
    """From the project's stored pseudonyms."""

    source: Source
    project: str
    default_issuer: str | None
    profile_default_issuer: str | None
    ignores_issuer: bool  # compatibility Karnak

    @property
    def asks_outside(self) -> bool:
        """Redis does."""
        return isinstance(self.source, RedisSettings)


@dataclass(frozen=True, slots=True)
class FromTag:
    """From an attribute of the instance."""

    tag: int
    delimiter: str | None
    position: int | None
    asks_outside: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True)
class FromService:
    """From a service outside; the texts of a call, checked already."""

    url: str
    method: str
    body: str
    response_path: str
    auth_config: str | None
    asks_outside: bool = field(default=True, init=False)


Way = FromStore | FromTag | FromService


def way_of(
    destination: Destination, project: Project, profile_default_issuer: str | None, secrets: Mapping[str, Secret]
) -> Way:
    """The way that a de-identifying Destination names; `secrets` by namespace/name. Unresolved says what is wrong."""
    wanted = destination.spec.deidentification
    if wanted is None:
        raise Unresolved(reasons.INVALID, "spec.deidentification", "the Destination does not de-identify")
    if (tag := wanted.pseudonym.tag) is not None:
        return _from_tag(tag)
    if (api := wanted.pseudonym.api) is not None:
        return _from_service(api, project)
    return FromStore(
        source_of(project, secrets),
        project.metadata.name,
        wanted.default_issuer_of_patient_id,
        profile_default_issuer,
        project.spec.compatibility == "Karnak",
    )


def open_way(way: Way, project: str, auth_configs: AuthConfigs) -> Resolver:
    """What resolves, in this process; the other arguments are the Destination's project (namespace/name) and its."""
    if isinstance(way, FromService):
        from dromos_gateway.endpoints.service import endpoints_of  # an HTTP client

        call = _compiled(way)
        if not isinstance(call, Call):
            return NoStore("the call of the pseudonym service is not valid")
        return APIResolver(call, endpoints_of(project, auth_configs))
    return open_local(way)


@lru_cache(maxsize=64)
def open_local(way: FromStore | FromTag) -> Resolver:
    """What resolves without a service, made once for each process. A table that is not usable holds everything."""
    if isinstance(way, FromTag):
        return TagResolver(way.tag, way.delimiter, way.position)
    try:
        store = open_store(way.source, way.project)
    except TableRefused as error:
        return NoStore(f"the stored pseudonyms of project {way.project} cannot be used: {error}")
    return StoredResolver(
        store,
        way.project,
        way.default_issuer,
        way.profile_default_issuer,
        way.ignores_issuer,
        SOON if way.asks_outside else LATER,
    )


def revision(way: Way) -> str:
    """A text that changes when stored pseudonyms do: who waits for one looks here now and then. StoreUnavailable."""
    resolver = open_local(way) if isinstance(way, FromStore) else None
    return resolver.store.revision() if isinstance(resolver, StoredResolver) else ""


def _from_tag(wanted: TagPseudonym) -> FromTag:
    tag = tags.parse_tag(wanted.tag)
    if tag is None:
        text = "names no tag; write (0012,0040), 00120040 or ClinicalTrialSubjectID"
        raise Unresolved(reasons.INVALID, f"{_FIELD}.tag.tag", text)
    return FromTag(tag, wanted.delimiter, wanted.position)


def _from_service(wanted: APIPseudonym, project: Project) -> FromService:
    way = FromService(wanted.url, wanted.method, wanted.body, wanted.response_path, wanted.auth_config)
    call = _compiled(way)
    if isinstance(call, CallMistake):
        raise Unresolved(reasons.INVALID, f"{_FIELD}.api.{call.argument}", call.message)
    known = [config.name for config in project.spec.auth_configs]
    if wanted.auth_config is not None and wanted.auth_config not in known:
        text = f"Project {project.metadata.name} has no authConfig {wanted.auth_config}; it has: {_listed(known)}"
        raise Unresolved(reasons.INVALID, f"{_FIELD}.api.authConfig", text)
    return way


def _compiled(way: FromService) -> Call | CallMistake:
    return compile_call(
        url=way.url,
        method=way.method,
        body=way.body,
        response_path=way.response_path,
        auth_config=way.auth_config,
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
