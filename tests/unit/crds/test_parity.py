# SPDX-License-Identifier: Apache-2.0
"""`dromos validate` and the API server agree: the table of the API server's tests, put to the models."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from dromos_crds.definitions import DEFINITIONS, Definition
from dromos_crds.document import Document, parse_text
from dromos_crds.problems import Problem
from tests.apiserver.case import Case
from tests.apiserver.crd_cases import CASES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_validate_takes_and_refuses_what_the_server_does(case: Case) -> None:
    found = list(parse_text(yaml.safe_dump(case.manifest()).encode(), "case.yaml"))
    if not case.says:
        assert [type(item) for item in found] == [Document], found
        return
    problems = [item for item in found if isinstance(item, Problem)]
    assert len(problems) == len(found) == 1, "one mistake, one message"
    assert problems[0].line is not None
    assert problems[0].field is not None
    for part in case.says:  # the same words as in kubectl's message
        assert part in str(problems[0])


@pytest.mark.parametrize("case", [case for case in CASES if not case.says], ids=str)
def test_json_reads_like_yaml(case: Case) -> None:
    manifest = case.manifest()
    (from_json,) = parse_text(json.dumps(manifest, indent=4).encode(), "case.json")
    (from_yaml,) = parse_text(yaml.safe_dump(manifest).encode(), "case.yaml")
    assert isinstance(from_json, Document)
    assert isinstance(from_yaml, Document)
    assert from_json.object == from_yaml.object


def messages(schema: dict[str, Any]) -> set[str]:
    """What the rules of a schema say, those that compare with what was before left out."""
    found = {each["message"] for each in schema.get("x-kubernetes-validations", ()) if "oldSelf" not in each["rule"]}
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return found.union(*(messages(part) for part in parts if isinstance(part, dict)))


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.kind)
def test_every_rule_refuses_something(definition: Definition) -> None:
    said = [part for case in CASES for part in case.says if len(part) > 3]  # "1" and "16" stand anywhere
    (version,) = definition.as_document()["spec"]["versions"]
    for message in messages(version["schema"]["openAPIV3Schema"]):
        assert any(part in message for part in said), f"no case is refused with: {message}"
