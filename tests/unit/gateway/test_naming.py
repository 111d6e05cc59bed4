# SPDX-License-Identifier: Apache-2.0
"""A destination's name without its namespace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dromos_gateway.admin.naming import Ambiguous, full_name
from dromos_gateway.configuration.settings import Configuration


def _configuration(nodes: list[str], destinations: list[str]) -> Configuration:
    named: dict[str, Any] = {key: SimpleNamespace(key=key, node=nodes[0]) for key in destinations}
    by_title: dict[str, Any] = {key: SimpleNamespace(key=key) for key in nodes}
    return Configuration(by_title, cast("Any", named), (), "")


@pytest.mark.parametrize(
    ("nodes", "destinations", "name", "full"),
    [
        (["imaging/radiology"], ["imaging/archive"], "archive", "imaging/archive"),
        (["imaging/radiology"], ["imaging/archive"], "gone", "imaging/gone"),
        (["imaging/radiology"], ["imaging/archive"], "other/archive", "other/archive"),
        (["a/one", "b/two"], ["b/archive"], "archive", "b/archive"),
        ([], [], "archive", "default/archive"),
    ],
)
def test_it_is_in_the_namespace_of_the_forward_node(
    nodes: list[str], destinations: list[str], name: str, full: str
) -> None:
    assert full_name(name, _configuration(nodes, destinations)) == full


@pytest.mark.parametrize("destinations", [["a/archive", "b/archive"], ["a/x", "b/y"]])
def test_what_may_be_several_is_asked_back(destinations: list[str]) -> None:
    with pytest.raises(Ambiguous, match="a/archive or b/archive"):
        full_name("archive", _configuration(["a/one", "b/two"], destinations))
