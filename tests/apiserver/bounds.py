# SPDX-License-Identifier: Apache-2.0
"""Every bound of the schemas, from the schemas: manifests that just meet it, and manifests that just break it.

The table in crd_cases.py is written by hand for what rules mean; this is for what nobody would write out: each number's
two ends, each enumeration, each length, each list, each required field, and an unknown field in each mapping.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dromos_crds.definitions import DEFINITIONS
from tests.apiserver.complete import COMPLETE

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]
KEY = "a-key"
# a value alone would break a rule that looks at others as well; crd_cases.py has those
ENTANGLED = {("ForwardNode", "spec.service.type")}


@dataclass(frozen=True)
class Bound:
    """One manifest at a bound: `path` is where it differs from the complete one."""

    base: str
    path: Path
    what: str
    manifest: Mapping[str, Any]
    taken: bool

    def __str__(self) -> str:
        return f"{self.base} {written(self.path)}: {self.what}"


def written(path: Path) -> str:
    """A path as messages write it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text[1:]


@cache
def schemas(kind: str) -> Schema:
    """The schema of a kind's spec."""
    (definition,) = (found for found in DEFINITIONS if found.kind == kind)
    (version,) = definition.as_document()["spec"]["versions"]
    spec: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return spec


def bounds(*bases: str) -> Iterator[Bound]:
    """All of them, or those of some complete manifests."""
    for base in bases or COMPLETE:
        manifest = COMPLETE[base]
        for path, schema in walk(schemas(manifest["kind"]), ("spec",), manifest):
            for what, changed, taken in _variants(manifest, path, schema):
                if (manifest["kind"], written(path)) not in ENTANGLED:
                    yield Bound(base, path, what, changed, taken)


def walk(schema: Schema, path: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[Path, Schema]]:
    """Each field that the manifest has, with its schema."""
    value = at(manifest, path)
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        if name in value:
            yield from walk(part, (*path, name), manifest)
    if isinstance(schema.get("additionalProperties"), Mapping):
        for name in value:
            yield from walk(schema["additionalProperties"], (*path, name), manifest)
    if "items" in schema and value:
        yield from walk(schema["items"], (*path, 0), manifest)


def at(value: Any, path: Path) -> Any:
    """What stands at a path."""
    for step in path:
        value = value[step]
    return value


def put(manifest: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy with another value at a path."""
    changed = _copy(manifest)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def _copy(manifest: Mapping[str, Any]) -> dict[str, Any]:
    # not deepcopy: what the manifest has twice as one object shall be two
    copied: dict[str, Any] = json.loads(json.dumps(manifest))
    return copied


def _variants(manifest: Mapping[str, Any], path: Path, schema: Schema) -> Iterator[tuple[str, dict[str, Any], bool]]:
    def to(value: Any) -> dict[str, Any]:
        return put(manifest, path, value)

    value = at(manifest, path)
    for bound, beyond in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            yield f"at its {bound}", to(schema[bound]), True
            yield f"beyond its {bound}", to(schema[bound] + beyond), False
    if "enum" in schema:
        for word in schema["enum"]:
            yield word, to(word), True
        yield "another word", to("bogus"), False
    if schema.get("type") == "boolean":
        yield "a word for a switch", to("yes"), False
    if schema.get("type") == "integer":
        yield "a number in quotes", to(str(value)), False
    if "maxLength" in schema:
        yield "too long", to("a" * (schema["maxLength"] + 1)), False
    if schema.get("type") == "array":
        yield "too many", to([value[0]] * (schema["maxItems"] + 1)), False
        yield "one instead of a list", to(value[0]), False
        if schema.get("minItems"):
            yield "none", to([]), False
    if "maxProperties" in schema:
        some = next(iter(value.values()))
        yield "too many", to({f"{KEY}-{number}": some for number in range(schema["maxProperties"] + 1)}), False
    if "properties" in schema:
        yield "unknown field", put(manifest, (*path, "bogus"), "x"), False
        for name in schema.get("required", ()):
            changed = _copy(manifest)
            del at(changed, path)[name]
            yield f"without {name}", changed, False
