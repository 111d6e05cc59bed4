# SPDX-License-Identifier: Apache-2.0
"""Snapshots for the planner, from the store, and from the API server for names that the store does not know.

A name of ours that is free in the store may still be taken by an object without our label, which is not watched.
"""

from __future__ import annotations

from collections.abc import Mapping

from dromos_operator.engine.acks import Acknowledgements
from dromos_operator.engine.graph import forward_node_of
from dromos_operator.engine.store import Store
from dromos_operator.kinds import Key, Object
from dromos_operator.kube.client import Client
from dromos_operator.plan import metadata, names
from dromos_operator.plan.metadata import is_owned_by
from dromos_operator.plan.planner import owned_keys
from dromos_operator.plan.snapshot import ProjectSnapshot, Snapshot


async def forward_node(key: Key, store: Store, client: Client, acks: Acknowledgements) -> Snapshot:
    """All that is known about a ForwardNode."""
    node = store.get(key)
    live: dict[Key, Object] = {}
    pods: dict[str, Object] = {}
    if node is not None:
        for owned in owned_keys(key.namespace, key.name):
            obj = store.get(owned) or await client.get(owned)
            if obj is not None:
                live[owned] = {**obj, "kind": owned.kind}
        workload = live.get(Key("StatefulSet", key.namespace, names.workload(key.name)))
        if workload is not None and is_owned_by(workload, node):
            pods = _pods_of(workload, store)
    return Snapshot(
        namespace=key.namespace,
        name=key.name,
        node=node,
        destinations=tuple(
            destination
            for destination in store.select("Destination", key.namespace)
            if forward_node_of(destination) == key.name
        ),
        projects=_named(store, "Project", key.namespace),
        secrets=_named(store, "Secret", key.namespace),
        config_maps=_named(store, "ConfigMap", key.namespace),
        live=live,
        pods=pods,
        claims=_claims_of(key, store) if pods else (),
        reports=acks.reports(key.namespace, tuple(pods)),
        nodes=tuple(_named(store, "ForwardNode", key.namespace)),
    )


def project(key: Key, store: Store) -> ProjectSnapshot | None:
    """All that is known about a Project; None when there is none."""
    obj = store.get(key)
    if obj is None:
        return None
    return ProjectSnapshot(
        project=obj,
        destinations=tuple(store.select("Destination", key.namespace)),
        secrets=_named(store, "Secret", key.namespace),
        config_maps=_named(store, "ConfigMap", key.namespace),
    )


def _pods_of(workload: Object, store: Store) -> dict[str, Object]:
    uid = workload["metadata"].get("uid")
    return {
        pod["metadata"]["name"]: pod
        for pod in store.select("Pod", workload["metadata"]["namespace"])
        if any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or ())
    }


def _claims_of(node: Key, store: Store) -> tuple[Object, ...]:
    instance = metadata.selector(node.name).items()
    return tuple(
        claim
        for claim in store.select("PersistentVolumeClaim", node.namespace)
        if instance <= (claim["metadata"].get("labels") or {}).items()
    )


def _named(store: Store, kind: str, namespace: str) -> Mapping[str, Object]:
    return {obj["metadata"]["name"]: obj for obj in store.select(kind, namespace)}
