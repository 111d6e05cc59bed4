# SPDX-License-Identifier: Apache-2.0
"""Reads the manifests, again when their content changes.

A kubelet swaps a mounted folder behind a link. Half of the old and half of the new would look as if destinations had
been deleted, so what is read counts only when the content was the same before and after.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dromos_crds import manifests, meaning
from dromos_crds.problems import Problem
from dromos_gateway.configuration.compile import compile_documents
from dromos_gateway.configuration.documents import InForce, merge
from dromos_gateway.configuration.lastusable import LastUsable, in_use
from dromos_gateway.configuration.settings import Configuration

_TRIES = 20
_PAUSE = 0.05


class FolderRestless(OSError):
    """The files change faster than they can be read."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the documents it was made from."""

    configuration: Configuration
    documents: tuple[InForce, ...]
    broken: frozenset[tuple[str, str, str]]  # kept in their last accepted form


class Folder:
    """The paths that a gateway was started with."""

    def __init__(
        self, paths: Sequence[Path], accepted: Sequence[InForce] = (), usable: Mapping[str, LastUsable] | None = None
    ) -> None:
        self._paths = tuple(paths)
        self._accepted = tuple(accepted)
        self._usable = dict(usable or {})  # what ForwardNodes' Secrets said, by namespace/name
        self._destinations: frozenset[str] = frozenset()  # in force, those that never were valid among them
        self._doubted = ""

    def digest(self) -> str:
        """The hash over all files, as `manifests.read` gives it. OSError when they cannot be read."""
        return manifests.digest(self._paths)

    def load(self) -> Loaded:
        """Read everything. OSError when that cannot be done; then the gateway goes on with what it has."""
        read = self._read()
        found = tuple(InForce(document.object, document.file) for document in read.documents)
        documents = merge(found, self._accepted, read.problems)
        fresh = {document.identity for document in found}
        broken = frozenset(document.identity for document in documents if document.identity not in fresh)
        problems = (*read.problems, *_extra(read))
        return Loaded(compile_documents(documents, problems, read.hash, self._usable), documents, broken)

    def believes(self, loaded: Loaded) -> bool:
        """Whether to act on it: what lacks documents may be half written, and must look the same a second time."""
        there = {document.identity for document in loaded.documents}
        lacking = any(document.identity not in there for document in self._accepted)
        lacking = lacking or not self._destinations <= loaded.configuration.destinations.keys()
        doubted, self._doubted = self._doubted, loaded.configuration.hash
        return not lacking or doubted == loaded.configuration.hash

    def accept(self, loaded: Loaded) -> None:
        """What was loaded is in force: broken documents fall back on it from now on."""
        self._accepted = loaded.documents
        self._destinations = frozenset(loaded.configuration.destinations)
        self._usable = in_use(loaded.configuration.nodes.values())

    def _read(self) -> manifests.Manifests:
        for _ in range(_TRIES):
            before = self.digest()
            read = manifests.read(self._paths)
            if read.hash == before == self.digest():
                return read
            time.sleep(_PAUSE)
        raise FolderRestless("the manifests change faster than they can be read")


def _extra(read: manifests.Manifests) -> tuple[Problem, ...]:
    """Mistakes of meaning that compiling does not find by itself."""
    known = {"ForwardNodeNotFound", "Conflict"}
    return tuple(problem for problem in meaning.check(read) if problem.reason not in known)
