# SPDX-License-Identifier: Apache-2.0
"""A destination's name without its namespace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dromos_gateway.admin.naming import Ambiguous, full_name, there_are
from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.spool.records import Totals


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


def test_a_destination_that_is_gone_is_told_of_while_something_is_left_of_it() -> None:
    """Or metrics would have labels of all that there ever were."""
    totals = {
        "a/there": Totals(delivered=1),
        "a/gone": Totals(delivered=7, excluded=2, last_transfer=1.0),
        "a/buried": Totals(failed=1),
        "a/queued": Totals(waiting=1),
        "a/shared": Totals(shares_failed=1),
    }
    configuration = _configuration(["a/one"], ["a/there", "a/new"])
    assert there_are(configuration, totals) == {"a/there", "a/new", "a/buried", "a/queued", "a/shared"}
