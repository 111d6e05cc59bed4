# SPDX-License-Identifier: Apache-2.0
"""What a set of manifests means together: references that lead nowhere, AE titles that clash.

`check` finds what is wrong whatever else the cluster holds. `missing` names the Secrets and ConfigMaps that are not
among the manifests: people keep those apart, so that they may well be in the cluster.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence

from dromos_crds import reasons, references
from dromos_crds.destination import Destination
from dromos_crds.destination_expressions import mistakes
from dromos_crds.document import Document
from dromos_crds.forwardnode import ForwardNode
from dromos_crds.manifests import Manifests
from dromos_crds.metadata import ConfigMap, Secret
from dromos_crds.problems import Problem
from dromos_crds.profiles import project as project_profiles
from dromos_crds.profiles.project import profile_of
from dromos_crds.project import Project
from dromos_crds.references import Reference


def check(manifests: Manifests) -> tuple[Problem, ...]:
    """Every Problem that only the whole set shows."""
    return (*_attachments(manifests), *_titles(manifests))


def check_references(manifests: Manifests) -> tuple[Problem, ...]:
    """Keys that a Secret or ConfigMap of the set lacks, though it is named for them."""
    held = _holders(manifests)
    return tuple(
        document.problem(_KEYLESS[reference.kind], reference.field, f"{_said(reference)} has no key {key!r}")
        for document, reference in _references(manifests)
        if (keys := held.get((reference.kind, document.object.metadata.namespace, reference.name))) is not None
        for key in reference.keys
        if key not in keys
    )


def check_profiles(manifests: Manifests) -> tuple[Problem, ...]:
    """What is wrong with the profiles of the Projects, as far as they are among the manifests."""
    maps = {(found.metadata.namespace, found.metadata.name): found.data for found in manifests.config_maps}
    problems: list[Problem] = []
    incomplete: set[tuple[str, str]] = set()
    for document in manifests.documents:
        project = document.object
        if not isinstance(project, Project):
            continue
        source = project.spec.profile_from
        name = source.config_map_key_ref.name if source is not None else ""
        profile, wrong = profile_of(project.spec, maps.get((project.metadata.namespace, name)))
        problems += [document.problem(found.reason, found.path, found.message) for found in wrong]
        if profile is not None and project_profiles.incomplete(project.spec, profile):
            incomplete.add((project.metadata.namespace, project.metadata.name))
    for document in manifests.documents:
        use = document.object.spec.deidentification if isinstance(document.object, Destination) else None
        if use is not None and (document.object.metadata.namespace, use.project_ref.name) in incomplete:
            field = "spec.deidentification.projectRef.name"
            problems.append(document.problem(reasons.PROFILE_INCOMPLETE, field, project_profiles.INCOMPLETE))
    return tuple(problems)


def check_expressions(manifests: Manifests) -> tuple[Problem, ...]:
    """Conditions and templates that do not compile."""
    return tuple(
        document.problem(reason, field, mistake)
        for document in manifests.documents
        if isinstance(document.object, Destination)
        for field, reason, mistake in mistakes(document.object.spec)
    )


def missing(manifests: Manifests) -> tuple[Problem, ...]:
    """Secrets and ConfigMaps that are named but not among the manifests."""
    held = _holders(manifests)
    return tuple(
        document.problem(_ABSENT[reference.kind], reference.field, f"{_said(reference)} is not among these manifests")
        for document, reference in _references(manifests)
        if reference.kind in _ABSENT
        and (reference.kind, document.object.metadata.namespace, reference.name) not in held
    )


def apart(manifests: Manifests) -> tuple[Problem, ...]:
    """ForwardNodes that a cluster takes and one `dromos run` does not, where they would share its listener."""
    found: list[Problem] = []
    titles: dict[str, ForwardNode] = {}
    first: ForwardNode | None = None
    for document in manifests.documents:
        node = document.object
        if not isinstance(node, ForwardNode):
            continue
        first = first or node
        other = titles.setdefault(node.spec.ae_title.strip(), node)
        if other.metadata.namespace != node.metadata.namespace:
            message = f"{node.spec.ae_title.strip()!r} is the AE title of {_called(other)} as well"
            found.append(document.problem(reasons.DUPLICATE_AE_TITLE, "spec.aeTitle", message))
        if node.spec.tls != first.spec.tls:
            found.append(document.problem(reasons.TLS_DIFFERS, "spec.tls", f"differs from that of {_called(first)}"))
    return tuple(found)


def _called(node: ForwardNode) -> str:
    return f"ForwardNode {node.metadata.namespace}/{node.metadata.name}"


_ABSENT = {"Secret": reasons.SECRET_NOT_FOUND, "ConfigMap": reasons.CONFIG_MAP_NOT_FOUND}
_KEYLESS = {"Secret": reasons.SECRET_KEY_NOT_FOUND, "ConfigMap": reasons.CONFIG_MAP_KEY_NOT_FOUND}


def _said(reference: Reference) -> str:
    return f"{reference.kind} {reference.name!r}"


def _references(manifests: Manifests) -> Iterator[tuple[Document, Reference]]:
    for document in manifests.documents:
        thing = document.object
        if isinstance(thing, ForwardNode):
            found = references.of_forward_node(thing.spec)
        elif isinstance(thing, Destination):
            found = references.of_destination(thing.spec)
        elif isinstance(thing, Project):
            found = references.of_project(thing.spec)
        else:
            continue
        for reference in found:
            yield document, reference


def _holders(manifests: Manifests) -> Mapping[tuple[str, str, str], frozenset[str]]:
    return {
        document.identity: frozenset(document.object.data)
        for document in manifests.documents
        if isinstance(document.object, Secret | ConfigMap)
    }


def _attachments(manifests: Manifests) -> Iterator[Problem]:
    nodes = _there(manifests, "ForwardNode", manifests.forward_nodes)
    projects = _there(manifests, "Project", manifests.projects)
    for document in manifests.documents:
        if not isinstance(document.object, Destination):
            continue
        spec, namespace = document.object.spec, document.object.metadata.namespace
        wanted = spec.forward_node_ref.name
        if (namespace, wanted) not in nodes:
            known = [name for space, name in nodes if space == namespace]
            message = nobody("ForwardNode", wanted, namespace, known)
            yield document.problem(reasons.FORWARD_NODE_NOT_FOUND, "spec.forwardNodeRef.name", message)
        for field, use in (("deidentification", spec.deidentification), ("tagMorphing", spec.tag_morphing)):
            if use is not None and (namespace, use.project_ref.name) not in projects:
                known = [name for space, name in projects if space == namespace]
                message = nobody("Project", use.project_ref.name, namespace, known)
                yield document.problem(reasons.PROJECT_NOT_FOUND, f"spec.{field}.projectRef.name", message)


def _there(manifests: Manifests, kind: str, valid: Sequence[ForwardNode | Project]) -> set[tuple[str, str]]:
    """Namespaces and names of a kind; what is there and not valid has its message already."""
    invalid = {(at.namespace or "default", at.name) for at in manifests.problems if at.name and at.kind == kind}
    return invalid | {(item.metadata.namespace, item.metadata.name) for item in valid}


def nobody(kind: str, wanted: str, namespace: str, known: Collection[str]) -> str:
    """A sentence for a reference to an object that is not there: which one could be meant, or which there are."""
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
    return f"there is no {kind} {wanted!r} in namespace {namespace!r}; {hint}"


def _titles(manifests: Manifests) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Document] = {}
    for document in manifests.documents:
        if not isinstance(document.object, ForwardNode):
            continue
        title = document.object.spec.ae_title.strip()  # PS3.5 §6.2: spaces around an AE title say nothing
        first = seen.setdefault((document.object.metadata.namespace, title), document)
        if first is not document:
            message = f"{title!r} is the AE title of ForwardNode {first.object.metadata.name!r} already"
            yield document.problem(reasons.DUPLICATE_AE_TITLE, "spec.aeTitle", message)
