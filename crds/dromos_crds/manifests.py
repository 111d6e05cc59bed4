# SPDX-License-Identifier: Apache-2.0
"""Reads manifests from files and folders: every valid document, and a Problem for each mistake in the others.

A mounted ConfigMap is a folder of symlinks into a hidden one that the kubelet swaps; hidden names are not listed,
what visible links point to is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dromos_crds import API_VERSION, ConfigMap, Destination, ForwardNode, Project, Secret
from dromos_crds.problems import Problem
from dromos_crds.refusals import dotted, explain
from dromos_crds.yamltree import Tree, YAMLSyntaxError, parse

Manifest = ForwardNode | Destination | Project | Secret | ConfigMap
SUFFIXES = (".yaml", ".yml", ".json")
MODELS: Mapping[tuple[str, str], type[ForwardNode | Destination | Project | Secret | ConfigMap]] = {
    (API_VERSION, "ForwardNode"): ForwardNode,
    (API_VERSION, "Destination"): Destination,
    (API_VERSION, "Project"): Project,
    ("v1", "Secret"): Secret,
    ("v1", "ConfigMap"): ConfigMap,
}


@dataclass(frozen=True)
class Document:
    """A valid document and where it stands."""

    file: str
    line: int
    object: Manifest


@dataclass(frozen=True)
class Manifests:
    """What a set of paths holds."""

    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()
    hash: str = ""
    files: tuple[str, ...] = field(default=())

    def of(self, kind: type[Any]) -> Iterator[Any]:
        """The objects of one kind."""
        return (document.object for document in self.documents if isinstance(document.object, kind))

    @property
    def forward_nodes(self) -> tuple[ForwardNode, ...]:
        """The ForwardNodes."""
        return tuple(self.of(ForwardNode))

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """The Destinations."""
        return tuple(self.of(Destination))

    @property
    def projects(self) -> tuple[Project, ...]:
        """The Projects."""
        return tuple(self.of(Project))

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The Secrets."""
        return tuple(self.of(Secret))

    @property
    def config_maps(self) -> tuple[ConfigMap, ...]:
        """The ConfigMaps."""
        return tuple(self.of(ConfigMap))


def read(paths: Sequence[Path]) -> Manifests:
    """Everything below the paths; OSError when a path cannot be read."""
    documents: list[Document] = []
    problems: list[Problem] = []
    contents: dict[str, bytes] = {}
    for path in paths:
        for file in _files(path):
            content = file.read_bytes()
            contents[str(file.relative_to(path)) if path.is_dir() else file.name] = content
            found, wrong = read_text(content, str(file))
            documents += found
            problems += wrong
    unique, doubled = _unique(documents)
    return Manifests(tuple(unique), (*problems, *doubled), hash_files(contents), tuple(sorted(contents)))


def hash_files(files: Mapping[str, bytes]) -> str:
    """What a gateway acknowledges: the hash over names and contents, whatever their order."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return f"sha256:{total.hexdigest()}"


def read_text(content: bytes, file: str) -> tuple[list[Document], list[Problem]]:
    """The documents of one file."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        text = content.decode("utf-8-sig")
        for tree in parse(text):
            found = _document(tree, file)
            if isinstance(found, Document):
                documents.append(found)
            else:
                problems += found
    except UnicodeDecodeError:
        problems.append(Problem("is not UTF-8 text", "SyntaxError", file, 1))
    except YAMLSyntaxError as error:
        hint = "; check indentation, quotes and brackets near this line"
        problems.append(Problem(f"YAML syntax error: {error}{hint}", "SyntaxError", file, error.line))
    return documents, problems


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.suffix in SUFFIXES:
            yield entry


def _document(tree: Tree, file: str) -> Document | list[Problem]:
    if not isinstance(tree.data, dict):
        return [Problem("a manifest is a mapping with apiVersion and kind", "SyntaxError", file, tree.line)]
    api_version, kind = str(tree.data.get("apiVersion", "")), str(tree.data.get("kind", ""))
    metadata = tree.data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    model = MODELS.get((api_version, kind))
    if model is None:
        if api_version.startswith("dromos.dev/") or not api_version or not kind:
            known = ", ".join(kind for version, kind in MODELS if version == API_VERSION)
            message = (
                f"{api_version or 'no apiVersion'} {kind or 'no kind'} is unknown; expected {API_VERSION}: {known}"
            )
            return [Problem(message, "UnknownKind", file, tree.line, kind or None, name=name)]
        return []  # other Kubernetes kinds may stand in the same folder
    try:
        return Document(file, tree.line, model.model_validate(tree.data))
    except ValidationError as error:
        return [
            Problem(
                message,
                "Invalid",
                file,
                tree.line_of(tuple(path)),
                kind,
                None,
                name and str(name),
                dotted(path) or None,
            )
            for path, message in explain(error, model)
        ]


def _unique(documents: list[Document]) -> tuple[list[Document], list[Problem]]:
    seen: dict[tuple[str, str, str], Document] = {}
    problems: list[Problem] = []
    for document in documents:
        meta = document.object.metadata
        key = (document.object.kind, meta.namespace, meta.name)
        first = seen.setdefault(key, document)
        if first is not document:
            message = f"is defined already at {first.file}:{first.line}; remove one of the two"
            problems.append(
                Problem(message, "Duplicate", document.file, document.line, key[0], meta.namespace, meta.name)
            )
    return list(seen.values()), problems
