# SPDX-License-Identifier: Apache-2.0
"""Which work a change makes."""

from __future__ import annotations

import pytest

from dromos_operator.engine.graph import affected
from dromos_operator.engine.store import Store
from dromos_operator.kinds import Key
from tests.unit.operator.make import config_map, destination, meta, node, project, secret

RADIOLOGY = Key("ForwardNode", "imaging", "radiology")
STUDY = Key("Project", "imaging", "study-a")


@pytest.fixture
def store() -> Store:
    store = Store()
    morphing = {"projectRef": {"name": "study-a"}}
    for obj in (node(), project(), destination(tagMorphing=morphing), destination("lost", to="nobody")):
        store.put(obj)
    return store


def test_a_forward_node_makes_work_for_itself_and_for_those_who_look_for_one(store: Store) -> None:
    assert affected(node(), None, store) == {RADIOLOGY, Key("ForwardNode", "imaging", "nobody")}


def test_a_destination_makes_work_for_the_node_it_names_and_its_project(store: Store) -> None:
    assert affected(destination(tagMorphing={"projectRef": {"name": "study-a"}}), None, store) == {RADIOLOGY, STUDY}


def test_a_destination_that_moved_makes_work_for_both_nodes(store: Store) -> None:
    moved = affected(destination(to="cardiology"), destination(), store)
    assert moved == {RADIOLOGY, Key("ForwardNode", "imaging", "cardiology")}


def test_a_project_makes_work_for_the_nodes_of_its_users(store: Store) -> None:
    assert affected(project(), None, store) == {STUDY, RADIOLOGY}


@pytest.mark.parametrize("obj", [secret("s"), config_map("c")])
def test_what_may_be_referred_to_makes_work_for_the_whole_namespace(store: Store, obj: dict[str, object]) -> None:
    assert affected(obj, None, store) == {RADIOLOGY, STUDY, Key("ForwardNode", "imaging", "nobody")}


def test_a_secret_of_another_namespace_does_not(store: Store) -> None:
    obj = {"kind": "Secret", "metadata": {**meta("s"), "namespace": "elsewhere"}}
    assert affected(obj, None, store) == set()


def test_a_pod_makes_work_for_the_node_whose_instance_it_is(store: Store) -> None:
    obj = {"kind": "Pod", "metadata": meta("radiology-0", labels={"app.kubernetes.io/instance": "radiology"})}
    assert affected(obj, None, store) == {RADIOLOGY}


def test_what_is_owned_makes_work_for_its_owner_only(store: Store) -> None:
    owner = {"kind": "ForwardNode", "name": "radiology", "uid": "1"}
    for kind in ("StatefulSet", "Service"):
        obj = {"kind": kind, "metadata": meta("radiology", ownerReferences=[owner])}
        assert affected(obj, None, store) == {RADIOLOGY}


def test_a_destination_without_a_reference_does_not_raise(store: Store) -> None:
    broken = {"kind": "Destination", "metadata": meta("broken"), "spec": {"forwardNodeRef": None}}
    assert affected(broken, None, store) == {Key("ForwardNode", "imaging", "")}
