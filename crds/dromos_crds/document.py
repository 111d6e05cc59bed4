# SPDX-License-Identifier: Apache-2.0
"""One text into documents: each is an object, a list of problems, or of a kind that Dromos leaves alone."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from dromos_crds import reasons
from dromos_crds.destination import Destination
from dromos_crds.forwardnode import ForwardNode
from dromos_crds.meant import meant_by_data, meant_by_text
from dromos_crds.metadata import METADATA_FIELDS, ConfigMap, Secret
from dromos_crds.problems import Problem
from dromos_crds.project import Project
from dromos_crds.refusals import Location, dotted, explain, unknown_field
from dromos_crds.yamltree import Tree, YAMLSyntaxError, parse

Object = ForwardNode | Destination | Project | Secret | ConfigMap
_GROUP = "dromos.dev"
API_VERSION = f"{_GROUP}/v1alpha1"
OWN_KINDS: dict[str, type[ForwardNode | Destination | Project]] = {
    "ForwardNode": ForwardNode,
    "Destination": Destination,
    "Project": Project,
}
_CORE_KINDS: dict[str, type[Secret | ConfigMap]] = {"Secret": Secret, "ConfigMap": ConfigMap}
KINDS = frozenset({*OWN_KINDS, *_CORE_KINDS})
_SECRET = re.compile(r"\bkind\W+Secret\b")  # in a text that could not be parsed
_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Document:
    """A usable object and where it stands."""

    file: str
    line: int
    object: Object
    lines: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace, name."""
        return self.object.kind, self.object.metadata.namespace, self.object.metadata.name

    def problem(self, reason: str, field: str, message: str) -> Problem:
        """Something that is wrong with a field of it, or with one that it lacks."""
        kind, namespace, name = self.identity
        above = field
        while above and above not in self.lines:
            above = above[: max(above.rfind("."), above.rfind("["), 0)]
        line = self.lines.get(above, self.line)
        return Problem(message, reason, self.file, line, kind, namespace, name, field)


def parse_text(content: bytes, file: str, *, explicit: bool = False) -> Iterator[Document | Problem]:
    """Documents and problems of one file; with `explicit`, a document without a kind is a problem too."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        yield Problem("this is not UTF-8 text", reasons.UNREADABLE, file=file, line=line)
        return
    for chunk, first_line in _chunks(text):
        try:
            for tree in parse(chunk, first_line):
                yield from _items(tree, (), file, explicit=explicit)
        except YAMLSyntaxError as error:
            said = error.discreet if _SECRET.search(chunk) else error
            message, meant = f"YAML syntax error: {said}", meant_by_text(chunk)
            yield Problem(message, reasons.UNREADABLE, file=file, line=error.line, meant=meant)


def _chunks(text: str) -> Iterator[tuple[str, int]]:
    """Splits at lines of ``---`` as kubectl does, so that a syntax error spoils one document, not the file."""
    starts = [0, *(match.start() for match in _SEPARATOR.finditer(text) if match.start() > 0)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end], text.count("\n", 0, start)


def _items(tree: Tree, path: Location, file: str, *, explicit: bool) -> Iterator[Document | Problem]:
    data = tree.at(path)
    if not isinstance(data, dict):
        yield Problem(
            "a manifest is a mapping with apiVersion, kind, metadata and spec",
            reasons.INVALID,
            file=file,
            line=tree.line_of(path),
        )
    elif data.get("kind") == "List" and data.get("apiVersion") == "v1":
        yield from _listed(tree, path, file, data, explicit=explicit)
    else:
        yield from _Reader(tree, path, file, data).read(explicit=explicit)


def _listed(
    tree: Tree, path: Location, file: str, data: dict[str, Any], *, explicit: bool
) -> Iterator[Document | Problem]:
    """What stands in a List. One that lists nothing in a form that means something would be passed over in silence."""
    items = data.get("items")
    if isinstance(items, list):
        for index in range(len(items)):
            yield from _items(tree, (*path, "items", index), file, explicit=explicit)
    else:
        said = "this field is required" if items is None else f"a list is needed, not {_form(items)}"
        line = tree.line_of((*path, "items"))
        yield Problem(said, reasons.INVALID, file=file, line=line, kind="List", field=dotted((*path, "items")))


def _form(value: Any) -> str:
    return "a mapping" if isinstance(value, dict) else "a single value"


class _Reader:
    """Reads one mapping as an object."""

    def __init__(self, tree: Tree, path: Location, file: str, data: dict[str, Any]) -> None:
        self._tree, self._path, self._file, self._data = tree, path, file, data
        self._kind, self._api_version = data.get("kind"), data.get("apiVersion")

    def read(self, *, explicit: bool) -> Iterator[Document | Problem]:
        kind, api_version = self._kind, self._api_version
        group = api_version.partition("/")[0] if isinstance(api_version, str) else None
        if isinstance(kind, str) and (kind, api_version) in {(core, "v1") for core in _CORE_KINDS}:
            yield from self._validate(_CORE_KINDS[kind])
        elif group == _GROUP or (isinstance(kind, str) and kind in OWN_KINDS and self._means_us(group)):
            yield from self._own()
        elif (kind is None or api_version is None) and (
            explicit or ("spec" in self._data and "metadata" in self._data)
        ):
            missing = "kind" if kind is None else "apiVersion"
            yield self._problem((missing,), f"this field is required; Dromos' own kinds have {_OURS}", reasons.INVALID)

    def _means_us(self, group: str | None) -> bool:
        """Whether a document of a kind that is called like one of ours is ours; other groups have Projects as well."""
        return group is None or "/" not in str(self._api_version) or bool(difflib.get_close_matches(group, [_GROUP]))

    def _own(self) -> Iterator[Document | Problem]:
        kind = self._kind
        if not isinstance(kind, str) or kind not in OWN_KINDS:
            near = difflib.get_close_matches(str(kind), OWN_KINDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(OWN_KINDS)}"
            yield self._problem(("kind",), f"unknown kind {kind!r}; {hint}", reasons.UNKNOWN_KIND)
        elif self._api_version != API_VERSION:
            said = "this field is required" if self._api_version is None else f"{self._api_version!r} is not known"
            yield self._problem(("apiVersion",), f"{said}; write {API_VERSION}", reasons.INVALID)
        else:
            yield from self._validate(OWN_KINDS[kind])

    def _validate(self, model: type[Object]) -> Iterator[Document | Problem]:
        try:
            # JSON mode: strict types, as the API server has them, and lists for tuples
            found = model.model_validate_json(json.dumps(self._data), strict=True)
        except ValidationError as error:
            secret = model is Secret
            for refusal in explain(error, model, quote=not secret):
                reason = reasons.UNKNOWN_FIELD if refusal.is_unknown_field else reasons.INVALID
                yield self._problem(refusal.path, refusal.sentence, reason)
            return
        # the models pass over what of metadata is Kubernetes' own; a slip in `namespace` would pass with it
        unknown = [name for name in self._data["metadata"] if name not in METADATA_FIELDS]
        for name in unknown:
            message = unknown_field(None if model is Secret else name, METADATA_FIELDS)
            field = ("metadata",) if model is Secret else ("metadata", name)
            yield self._problem(field, message, reasons.UNKNOWN_FIELD)
        if not unknown:
            lines = {dotted(path): line for path, line in self._tree.lines_below(self._path).items()}
            yield Document(self._file, self._tree.line_of(self._path), found, lines)

    def _problem(self, field: Location, message: str, reason: str) -> Problem:
        metadata = self._data.get("metadata")
        name, namespace = (metadata.get(key) if isinstance(metadata, dict) else None for key in ("name", "namespace"))
        return Problem(
            message,
            reason,
            file=self._file,
            line=self._tree.line_of((*self._path, *field)),
            kind=self._kind if isinstance(self._kind, str) else None,
            namespace=namespace if isinstance(namespace, str) else "default",
            name=name if isinstance(name, str) else None,
            field=dotted(field) or None,
            meant=meant_by_data(self._data),
        )


_OURS = f"apiVersion {API_VERSION} and kind {', '.join(OWN_KINDS)}"
