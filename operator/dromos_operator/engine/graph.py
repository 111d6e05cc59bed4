# SPDX-License-Identifier: Apache-2.0
"""Which work a changed object makes: from any object to the ForwardNodes and Projects whose plan it may change."""

from __future__ import annotations

from collections.abc import Iterator

from dromos_operator.engine.store import Store
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.plan.names import workload

INSTANCE = "app.kubernetes.io/instance"


def affected(obj: Object, before: Object | None, store: Store) -> set[Key]:
    """Keys of ForwardNodes and Projects to look at; `before` is what the object was until now."""
    key = key_of(obj)
    found: set[Key] = set()
    for version in (obj, before):
        if version is not None:
            found.update(_affected(key, version, store))
    return found


def forward_node_of(destination: Object) -> str:
    """The name a Destination gives; empty when it gives none."""
    reference = (destination.get("spec") or {}).get("forwardNodeRef") or {}
    return str(reference.get("name") or "")


def _affected(key: Key, obj: Object, store: Store) -> Iterator[Key]:
    if key.kind == "ForwardNode":
        yield key
        yield from _lost(key.namespace, store)
    elif key.kind == "Destination":
        yield Key("ForwardNode", key.namespace, forward_node_of(obj))
        yield from _projects_of(obj, key.namespace)
    elif key.kind == "Project":
        yield key
        yield from _users_of(key, store)
    else:
        owners = [
            owner["name"] for owner in obj["metadata"].get("ownerReferences") or () if owner["kind"] == "ForwardNode"
        ]
        yield from (Key("ForwardNode", key.namespace, name) for name in owners)
        if key.kind in {"Pod", "PersistentVolumeClaim"}:
            yield from _nodes_of_instance(obj, key.namespace, store)
        elif key.kind in {"Secret", "ConfigMap"} or not owners:
            # who refers to it is cheaper to ask of each plan than to keep in step: one namespace is small
            yield from _all(key.namespace, store)


def _projects_of(destination: Object, namespace: str) -> Iterator[Key]:
    spec = destination.get("spec") or {}
    for field in ("deidentification", "tagMorphing"):
        name = ((spec.get(field) or {}).get("projectRef") or {}).get("name")
        if name:
            yield Key("Project", namespace, name)


def _users_of(project: Key, store: Store) -> Iterator[Key]:
    for destination in store.select("Destination", project.namespace):
        if project in _projects_of(destination, project.namespace):
            yield Key("ForwardNode", project.namespace, forward_node_of(destination))


def _nodes_of_instance(obj: Object, namespace: str, store: Store) -> Iterator[Key]:
    instance = (obj["metadata"].get("labels") or {}).get(INSTANCE)
    for node in store.select("ForwardNode", namespace):
        if workload(node["metadata"]["name"]) == instance:
            yield key_of(node)


def _lost(namespace: str, store: Store) -> Iterator[Key]:
    """ForwardNodes that Destinations name in vain: their conditions say which ones there are."""
    there = {obj["metadata"]["name"] for obj in store.select("ForwardNode", namespace)}
    wished = {forward_node_of(destination) for destination in store.select("Destination", namespace)}
    yield from (Key("ForwardNode", namespace, name) for name in wished - there)


def _all(namespace: str, store: Store) -> Iterator[Key]:
    for kind in ("ForwardNode", "Project"):
        yield from (key_of(obj) for obj in store.select(kind, namespace))
    for destination in store.select("Destination", namespace):  # of ForwardNodes that are not there
        yield Key("ForwardNode", namespace, forward_node_of(destination))
