# SPDX-License-Identifier: Apache-2.0
"""The documents in force: what the folder says, and the last accepted form of what it no longer says properly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pydantic import ValidationError

from dromos_crds import ConfigMap, Destination, ForwardNode, Project, Secret
from dromos_crds.document import KINDS
from dromos_crds.problems import Problem

Object = ForwardNode | Destination | Project | Secret | ConfigMap
Row = tuple[str, str, str, str, str]  # kind, namespace, name, file, JSON
_KINDS: dict[str, type[ForwardNode | Destination | Project | ConfigMap]] = {
    "ForwardNode": ForwardNode,
    "Destination": Destination,
    "Project": Project,
    "ConfigMap": ConfigMap,
}


@dataclass(frozen=True, slots=True)
class InForce:
    """An object and the file that it came from."""

    object: Object
    file: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace, name."""
        return self.object.kind, self.object.metadata.namespace, self.object.metadata.name

    @property
    def key(self) -> str:
        """namespace/name."""
        return f"{self.object.metadata.namespace}/{self.object.metadata.name}"

    def problem(self, reason: str, field: str, message: str) -> Problem:
        """What is wrong with one of its fields."""
        kind, namespace, name = self.identity
        return Problem(message, reason, file=self.file, kind=kind, namespace=namespace, name=name, field=field)


def merge(read: Iterable[InForce], accepted: Iterable[InForce], problems: Sequence[Problem]) -> tuple[InForce, ...]:
    """What is read, and of what was accepted before each document that is broken now. What is absent is deleted."""
    result = {document.identity: document for document in read}
    for document in accepted:
        if document.identity not in result and any(_concerns(problem, document) for problem in problems):
            result[document.identity] = document
    return tuple(result.values())


def _concerns(problem: Problem, document: InForce) -> bool:
    kind, namespace, name = document.identity
    if problem.kind in KINDS and problem.name is not None:
        return (problem.kind, problem.name) == (kind, name) and problem.namespace in (None, namespace)
    if problem.name not in (None, name):  # of a kind that nobody knows: a slip in writing this one's
        return False
    # a syntax error hides which documents the file held: all of them stay as they were
    return problem.file is not None and PurePath(problem.file).name == PurePath(document.file).name


def to_rows(documents: Iterable[InForce]) -> tuple[Row, ...]:
    """For the spool. Secrets are left out: credentials stay where they are mounted."""
    return tuple(
        (*document.identity, document.file, document.object.model_dump_json(by_alias=True, exclude_none=True))
        for document in documents
        if not isinstance(document.object, Secret)
    )


def from_rows(rows: Iterable[Row]) -> tuple[InForce, ...]:
    """From the spool; what this version cannot read any more is left out."""
    result = []
    for kind, _, _, file, text in rows:
        try:
            result.append(InForce(_KINDS[kind].model_validate_json(text), file))
        except (KeyError, ValidationError):
            continue
    return tuple(result)
