# SPDX-License-Identifier: Apache-2.0
"""`dromos validate` knows every bound of the schemas, and names the field; the same manifests go to the API server."""

from __future__ import annotations

import json

import pytest

from dromos_crds.document import Document, parse_text
from dromos_crds.problems import Problem
from tests.apiserver.bounds import Bound, bounds, schemas, walk, written
from tests.apiserver.complete import COMPLETE

BASES = list(COMPLETE)


def fields(schema: dict, path: str = "spec") -> set[str]:
    found = {path}
    for name, part in schema.get("properties", {}).items():
        found |= fields(part, f"{path}.{name}")
    return found | (fields(schema["items"], f"{path}[0]") if "items" in schema else set())


@pytest.mark.parametrize("kind", ["ForwardNode", "Destination", "Project"])
def test_the_complete_manifests_have_every_field(kind: str) -> None:
    had = {
        written(path)
        for manifest in COMPLETE.values()
        if manifest["kind"] == kind
        for path, _ in walk(schemas(kind), ("spec",), manifest)
    }
    assert fields(dict(schemas(kind))) - had == set()


@pytest.mark.parametrize("base", BASES)
def test_every_bound_is_known_to_validate(base: str) -> None:
    wrong = [said for bound in bounds(base) if (said := _judged(bound))]
    assert wrong == []


def _judged(bound: Bound) -> str:
    found = list(parse_text(json.dumps(bound.manifest).encode(), "bound.json"))
    if bound.taken:
        return "" if all(isinstance(item, Document) for item in found) else f"{bound}: refused: {found}"
    places = [item.field or "" for item in found if isinstance(item, Problem)]
    if len(found) != 1 or len(places) != 1:
        return f"{bound}: one mistake, one message, not {found}"
    return "" if places[0].startswith(written(bound.path)) else f"{bound}: the message is about {places[0]}"
