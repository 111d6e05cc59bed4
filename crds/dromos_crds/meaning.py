# SPDX-License-Identifier: Apache-2.0
"""What a set of manifests means together: references that lead nowhere, AE titles that clash."""

from __future__ import annotations

from collections.abc import Iterator

from dromos_crds.manifests import Document, Manifests
from dromos_crds.problems import Problem


def check(manifests: Manifests) -> tuple[Problem, ...]:
    """Every Problem that only the whole set shows."""
    return (*_references(manifests), *_titles(manifests))


def _references(manifests: Manifests) -> Iterator[Problem]:
    nodes = {(node.metadata.namespace, node.metadata.name) for node in manifests.forward_nodes}
    projects = {(project.metadata.namespace, project.metadata.name) for project in manifests.projects}
    for document in manifests.documents:
        if document.object.kind != "Destination":
            continue
        spec, namespace = document.object.spec, document.object.metadata.namespace
        wanted = spec.forward_node_ref.name
        if (namespace, wanted) not in nodes:
            near = ", ".join(sorted(name for space, name in nodes if space == namespace)) or "none"
            message = f"there is no ForwardNode {wanted!r} in namespace {namespace!r}; there are: {near}"
            yield _problem(document, "ForwardNodeNotFound", "spec.forwardNodeRef.name", message)
        for field, use in (("deidentification", spec.deidentification), ("tagMorphing", spec.tag_morphing)):
            if use is not None and (namespace, use.project_ref.name) not in projects:
                message = f"there is no Project {use.project_ref.name!r} in namespace {namespace!r}"
                yield _problem(document, "ProjectNotFound", f"spec.{field}.projectRef.name", message)


def _titles(manifests: Manifests) -> Iterator[Problem]:
    seen: dict[str, Document] = {}
    for document in manifests.documents:
        if document.object.kind != "ForwardNode":
            continue
        title = document.object.spec.ae_title.strip()
        first = seen.setdefault(title, document)
        if first is not document and first.object.metadata.namespace == document.object.metadata.namespace:
            message = f"{title!r} is the AE title of ForwardNode {first.object.metadata.name!r} already"
            yield _problem(document, "DuplicateAETitle", "spec.aeTitle", message)


def _problem(document: Document, reason: str, field: str, message: str) -> Problem:
    meta = document.object.metadata
    return Problem(
        message, reason, document.file, document.line, document.object.kind, meta.namespace, meta.name, field
    )
