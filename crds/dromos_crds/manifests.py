# SPDX-License-Identifier: Apache-2.0
"""Manifests from files and folders: `dromos run`, `dromos validate` and the pods read them here.

A document that is broken becomes problems and is left out; every other one stays usable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from dromos_crds import reasons
from dromos_crds.destination import Destination
from dromos_crds.document import Document, Object, parse_text
from dromos_crds.folders import SUFFIXES, Found, Spare, find_all, refuse
from dromos_crds.forwardnode import ForwardNode
from dromos_crds.metadata import ConfigMap, Secret
from dromos_crds.problems import Problem
from dromos_crds.project import Project

__all__ = ["SUFFIXES", "Document", "Manifests", "Object", "assemble", "digest", "hash_files", "read"]

T = TypeVar("T", ForwardNode, Destination, Project, Secret, ConfigMap)


@dataclass(frozen=True, slots=True)
class Manifests:
    """What was read: the usable documents, the problems of the others, and the hash of it all."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    hash: str = field(default_factory=lambda: hash_files({}))
    files: tuple[str, ...] = ()  # the names that the hash covers

    @property
    def forward_nodes(self) -> tuple[ForwardNode, ...]:
        """The ForwardNodes."""
        return self._of(ForwardNode)

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """The Destinations."""
        return self._of(Destination)

    @property
    def projects(self) -> tuple[Project, ...]:
        """The Projects."""
        return self._of(Project)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The Secrets."""
        return self._of(Secret)

    @property
    def config_maps(self) -> tuple[ConfigMap, ...]:
        """The ConfigMaps."""
        return self._of(ConfigMap)

    def _of(self, kind: type[T]) -> tuple[T, ...]:
        return tuple(document.object for document in self.documents if isinstance(document.object, kind))


def read(paths: Sequence[Path], spare: Spare = refuse) -> Manifests:
    """Reads files and folders; OSError where one cannot be read, unless `spare` takes it."""
    return assemble(find_all(paths, spare))


def digest(paths: Sequence[Path]) -> str:
    """The hash that `read` would give, without the reading of what is in the files; OSError likewise."""
    return hash_files({file.name: file.content for file in find_all(paths)})


def assemble(files: Sequence[Found]) -> Manifests:
    """The manifests in these files."""
    documents: dict[tuple[str, str, str], Document] = {}
    problems: list[Problem] = []
    for file in files:
        for item in parse_text(file.content, str(file.path), explicit=file.explicit):
            if isinstance(item, Problem):
                problems.append(item)
            elif (first := documents.setdefault(item.identity, item)) is not item:
                problems.append(_duplicate(item, first))
    contents = {file.name: file.content for file in files}
    return Manifests(tuple(documents.values()), tuple(problems), hash_files(contents), tuple(sorted(contents)))


def hash_files(files: Mapping[str, bytes]) -> str:
    """The hash by which a pod acknowledges its configuration; names are relative to the folder."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return f"sha256:{total.hexdigest()}"


def _duplicate(document: Document, first: Document) -> Problem:
    kind, namespace, name = document.identity
    return Problem(
        f"stands in {first.file}:{first.line} already; that one counts, remove one of them",
        reasons.DUPLICATE,
        file=document.file,
        line=document.line,
        kind=kind,
        namespace=namespace,
        name=name,
    )
