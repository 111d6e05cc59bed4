# SPDX-License-Identifier: Apache-2.0
"""From manifests to the use of a Project. What is wrong with them is said with its field, and holds the Destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dromos_crds import ConfigMap, Destination, Project, Secret, reasons
from dromos_crds.profile import Profile
from dromos_crds.profiles import CheckedProfile, read_profile_file
from dromos_crds.profiles.project import INCOMPLETE, incomplete, profile_of
from dromos_crds.projectkeys import InvalidKeys, ProjectKey, key_secret, read_keys
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.deid.plan import Recipe, recipe_of
from dromos_gateway.endpoints.settings import AuthConfigs, auth_configs_of
from dromos_gateway.pseudonyms.ways import Way, way_of

_SHOWN = 5  # problems of a profile in one message; validate shows all


@dataclass(frozen=True, slots=True)
class Use:
    """What a Destination does with its Project. Equal uses make equal bytes of equal instances and pseudonyms.

    recipe         the profile with everything that it needs
    way            where the pseudonym comes from; None for tag morphing
    project        namespace/name
    auth_configs   for what is asked of services
    """

    recipe: Recipe
    way: Way | None
    project: str
    auth_configs: AuthConfigs = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """Which profile and key are applied, for status and log."""

    name: str
    version: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """What may be referred to, by namespace/name."""

    projects: Mapping[str, Project]
    config_maps: Mapping[str, ConfigMap]
    secrets: Mapping[str, Secret]


def use_of(destination: Destination, around: Namespace) -> tuple[Use, Applied] | None:
    """What a Destination does with a Project; None: it uses none. Unresolved says what keeps it from that."""
    spec = destination.spec
    if spec.deidentification is None and spec.tag_morphing is None:
        return None
    project, field = _project(destination, around)
    profile, checked = _profile(project, around, field)
    if spec.deidentification is not None and incomplete(project.spec, checked):
        raise Unresolved(reasons.PROFILE_INCOMPLETE, field, f"Project {project.metadata.name}: {INCOMPLETE}")
    key = _key(project, around, field)
    recipe = recipe_of(
        profile,
        project=project.metadata.name,
        key=key.value,
        compatibility=project.spec.compatibility,
        uncleanable=project.spec.uncleanable,
        morphing=spec.tag_morphing is not None,
    )
    way = None
    if spec.deidentification is not None:
        way = way_of(destination, project, checked.default_issuer, around.secrets)
    name = f"{project.metadata.namespace}/{project.metadata.name}"
    use = Use(recipe, way, name, auth_configs_of(project, around.secrets))
    return use, Applied(checked.name, checked.version, key.fingerprint)


def _project(destination: Destination, around: Namespace) -> tuple[Project, str]:
    """The Project that a Destination uses, and the field that says so."""
    spec, namespace = destination.spec, destination.metadata.namespace
    deidentifies = spec.deidentification is not None
    field = f"spec.{'deidentification' if deidentifies else 'tagMorphing'}.projectRef.name"
    use = spec.deidentification or spec.tag_morphing
    name = use.project_ref.name if use is not None else ""
    project = around.projects.get(f"{namespace}/{name}")
    if project is None:
        text = f"Project {name} does not exist in namespace {namespace}, or is not valid"
        raise Unresolved(reasons.PROJECT_NOT_FOUND, field, text)
    return project, field


def _profile(project: Project, around: Namespace, field: str) -> tuple[Profile, CheckedProfile]:
    """The profile as it is written, and what it says."""
    name, namespace = project.metadata.name, project.metadata.namespace
    source = project.spec.profile_from
    config_map = around.config_maps.get(f"{namespace}/{source.config_map_key_ref.name}") if source is not None else None
    if source is not None:
        wanted = source.config_map_key_ref
        if config_map is None:
            text = f"Project {name}: ConfigMap {wanted.name} does not exist in namespace {namespace}"
            raise Unresolved(reasons.CONFIG_MAP_NOT_FOUND, field, text)
        if wanted.key not in config_map.data:
            text = f"Project {name}: ConfigMap {wanted.name} has no key {wanted.key}"
            raise Unresolved(reasons.CONFIG_MAP_KEY_NOT_FOUND, field, text)
    checked, problems = profile_of(project.spec, config_map.data if config_map is not None else None)
    profile = project.spec.profile
    if profile is None and source is not None and config_map is not None:
        profile, _ = read_profile_file(config_map.data[source.config_map_key_ref.key])
    if checked is None or profile is None:
        said = "; ".join(str(problem) for problem in problems[:_SHOWN])
        raise Unresolved(problems[0].reason or reasons.INVALID, field, f"Project {name}: {said}")
    return profile, checked


def _key(project: Project, around: Namespace, field: str) -> ProjectKey:
    name, namespace = project.metadata.name, project.metadata.namespace
    secret = around.secrets.get(f"{namespace}/{key_secret(project)}")
    if secret is None:
        text = (
            f"Project {name} has no key: Secret {key_secret(project)} does not exist in namespace {namespace}; "
            "the operator makes one, without it: kubectl create secret generic "
            f"{key_secret(project)} --from-literal=active=k1 --from-literal=k1=$(openssl rand -hex 16) "
            "--dry-run=client --output=yaml"
        )
        raise Unresolved(reasons.SECRET_NOT_FOUND, field, text)
    try:
        return read_keys(secret.data).active
    except InvalidKeys as error:
        raise Unresolved(reasons.INVALID, field, f"Project {name}: Secret {secret.metadata.name} {error}") from None
