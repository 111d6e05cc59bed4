# SPDX-License-Identifier: Apache-2.0
"""Which instances a destination takes, and which senders a listener."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from dromos_crds.expressions import Condition, Values, compile_condition
from dromos_gateway import pipeline
from dromos_gateway.configuration.settings import Configuration, DestinationSettings, NodeSettings, SourceSettings
from dromos_gateway.dimse.policy import Admission, AssociationRequest
from dromos_gateway.hosts import Hosts
from dromos_gateway.receiving import Receiving
from dromos_gateway.spool.spool import Spool
from tests.unit.gateway.records import instance
from tests.unit.karnak import Given
from tests.unit.karnak.datasets import VectorValues


def _decide(values: Values, sop_class: str = "1.2", **rules: Any) -> str:
    settings = DestinationSettings("n/a", "n/n", 1, True, False, None, rules.get("sop_classes"), 1.0, None, rules.get("condition"))  # fmt: skip
    arrived = instance(1, sop_class=sop_class)
    excluded = isinstance(pipeline.on_arrival(arrived, settings, values), pipeline.Exclude)
    return "FILE_EXCEPTION" if excluded else "NONE"


def _sop_class(given: Given, expected: Given) -> None:
    found = _decide(VectorValues({}), given["SOPClassUID"], sop_classes=frozenset(given["allowed"]))
    assert found == expected["abort"]


def _condition(given: Given, expected: Given) -> None:
    condition = compile_condition(given["condition"])
    assert isinstance(condition, Condition)
    assert _decide(VectorValues(given["dataset"]), condition=condition) == expected["abort"]


def _accepted(given: Given, expected: Given) -> None:
    """Here the called AE title selects the ForwardNode first; a stranger is one that no source names."""
    stranger = "STRANGER"
    nodes = {
        f"AE{number}": NodeSettings(
            name, f"AE{number}", tuple(SourceSettings(title, None) for title in titles), False, 0, 1, 1.0, None
        )
        for number, (name, titles) in enumerate(given["sources_by_forward_node"].items())
    }
    spool = cast("Spool", SimpleNamespace(space=SimpleNamespace(shortage=None)))
    receiving = Receiving(spool, Configuration(nodes, {}, (), ""), Hosts(), lambda: 0.0)
    candidates = {stranger, *(title for titles in given["sources_by_forward_node"].values() for title in titles)}
    accepted = {
        title
        for title in candidates
        for called in nodes
        if isinstance(receiving.admit(AssociationRequest(called, title, "192.0.2.1", ())), Admission)
    }
    assert (None if stranger in accepted else sorted(accepted)) == expected["accepted"]


AREAS = {
    "filter.sop_class": _sop_class,
    "filter.condition": _condition,
    "listener.accepted_calling_aets": _accepted,
}
