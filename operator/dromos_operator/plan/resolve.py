# SPDX-License-Identifier: Apache-2.0
"""Whether what is referred to is there: each reference checked against the objects of the namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dromos_crds import Project, reasons
from dromos_crds import conditions as types
from dromos_crds.meaning import nobody
from dromos_operator.kinds import Object
from dromos_operator.plan import projectkeys, references
from dromos_operator.plan.conditions import Condition, no, yes
from dromos_operator.plan.references import Reference


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The objects of a namespace that may be referred to, by name."""

    namespace: str
    projects: Mapping[str, Object]
    secrets: Mapping[str, Object]
    config_maps: Mapping[str, Object]

    def of(self, kind: str) -> Mapping[str, Object]:
        """Those of one kind."""
        return {"Project": self.projects, "Secret": self.secrets, "ConfigMap": self.config_maps}[kind]


_ABSENT = {
    "Project": reasons.PROJECT_NOT_FOUND,
    "Secret": reasons.SECRET_NOT_FOUND,
    "ConfigMap": reasons.CONFIG_MAP_NOT_FOUND,
}
_KEYLESS = {"Secret": reasons.SECRET_KEY_NOT_FOUND, "ConfigMap": reasons.CONFIG_MAP_KEY_NOT_FOUND}


def resolved_refs(named: Iterable[Reference], around: Surroundings) -> Condition:
    """The condition `ResolvedRefs`; its reason is that of the first reference that leads nowhere."""
    missing = [found for reference in named for found in _check(reference, around)]
    if missing:
        return no(types.RESOLVED_REFS, missing[0][0], "; ".join(message for _, message in missing))
    return yes(types.RESOLVED_REFS, "all references are resolved")


def of_project(project: Project, around: Surroundings) -> Condition:
    """`ResolvedRefs` of a Project; its key Secret needs a key that can be used as well."""
    name, spec = project.metadata.name, project.spec
    condition = resolved_refs(references.of_project(name, spec), around)
    if condition.holds and (problem := projectkeys.problem(project, around.secrets)):
        return no(types.RESOLVED_REFS, reasons.INVALID_KEYS, problem)
    return condition


def _check(reference: Reference, around: Surroundings) -> Iterator[tuple[str, str]]:
    found = around.of(reference.kind).get(reference.name)
    if found is None:
        yield _ABSENT[reference.kind], f"{reference.field}.name: {_absence(reference, around)}"
        return
    data = found.get("data") or {}
    for key in reference.keys:
        if key not in data:
            message = f"{reference.field}: {reference.kind} {reference.name!r} has no key {key!r}"
            yield _KEYLESS[reference.kind], message


def _absence(reference: Reference, around: Surroundings) -> str:
    if reference.kind == "Project":
        return nobody("Project", reference.name, around.namespace, tuple(around.projects))
    # which Secrets there are is nobody's business who may only read Destinations
    return f"there is no {reference.kind} {reference.name!r} in namespace {around.namespace!r}"
