# SPDX-License-Identifier: Apache-2.0
"""The committed CRDs are what the models say, and every field of them is explained and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dromos_crds import generate
from dromos_crds.definitions import DEFINITIONS, Definition

CRDS = Path(__file__).resolve().parents[3] / "crds"
IDS = [definition.kind for definition in DEFINITIONS]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], path + mark)


def schema(definition: Definition) -> dict[str, Any]:
    (version,) = definition.as_document()["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def test_the_committed_files_are_those_that_the_models_give() -> None:
    assert generate.differing(CRDS, generate.render()) == []


def test_check_says_which_file_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([str(tmp_path)]) == 0
    assert generate.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "projects.yaml").write_text("changed")
    assert generate.main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "projects.yaml" in said
    assert "make crds" in said
    assert (tmp_path / "projects.yaml").read_text() == "changed"


def test_the_kustomization_names_every_file() -> None:
    named = yaml.safe_load((CRDS / "kustomization.yaml").read_text())["resources"]
    assert set(named) == {path.name for path in CRDS.glob("*.yaml")} - {"kustomization.yaml"}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_every_field_has_a_description(definition: Definition) -> None:
    bare = [path for path, part in nodes(schema(definition)) for path in _bare(path, part)]
    assert bare == [".metadata"], "Kubernetes allows no description there, and wants one everywhere else"


def _bare(path: str, part: dict[str, Any]) -> list[str]:
    return [f"{path}.{name}" for name, child in part.get("properties", {}).items() if not child.get("description")]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_it_is_structural(definition: Definition) -> None:
    for path, part in nodes(schema(definition)):
        typed = "type" in part or any(
            part.get(f"x-kubernetes-{mark}") for mark in ("int-or-string", "preserve-unknown-fields")
        )
        assert typed, f"{path} has no type"
        assert not {"$ref", "anyOf", "allOf", "oneOf", "title", "pattern", "const"} & part.keys(), path
        assert not ("properties" in part and "additionalProperties" in part), path


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_defaults_stand_outside_of_lists_only(definition: Definition) -> None:
    paths = {path for path, part in nodes(schema(definition)) if "default" in part}
    assert not [path for path in paths if "[]" in path or "{}" in path]
    assert ".spec.replicas" not in paths


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_what_a_rule_may_iterate_is_bounded(definition: Definition) -> None:
    for path, part in nodes(schema(definition)["properties"]["spec"]):
        if part.get("type") == "array":
            assert "maxItems" in part, path
        if part.get("type") == "string":
            assert "maxLength" in part or "enum" in part, path


def test_the_bounds_are_as_wide_as_promised() -> None:
    kinds = {definition.kind: dict(nodes(schema(definition))) for definition in DEFINITIONS}
    project, profile = kinds["Project"], ".spec.profile"
    assert project[f"{profile}.profileElements"]["maxItems"] >= 512
    assert project[f"{profile}.profileElements[].tags"]["maxItems"] >= 2048
    assert project[f"{profile}.masks"]["maxItems"] >= 1024
    assert project[f"{profile}.profileElements[].condition"]["maxLength"] >= 4096
    assert kinds["Destination"][".spec.condition"]["maxLength"] >= 4096


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_every_rule_says_what_is_allowed(definition: Definition) -> None:
    rules = [rule for _, part in nodes(schema(definition)) for rule in part.get("x-kubernetes-validations", ())]
    assert rules
    for rule in rules:
        assert rule["message"], rule["rule"]
        assert "\n" not in rule["message"]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=IDS)
def test_it_fits_into_the_annotation_of_client_side_apply(definition: Definition) -> None:
    assert len((CRDS / f"{definition.plural}.yaml").read_bytes()) < 200_000
