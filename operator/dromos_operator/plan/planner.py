# SPDX-License-Identifier: Apache-2.0
"""A snapshot to what shall be: first the objects, then, once they are applied, the statuses. Pure.

The same snapshot always gives the same plan, in whatever order its parts came; nothing a user writes raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dromos_crds import conditions as types
from dromos_crds import reasons
from dromos_operator.kinds import Key, Object
from dromos_operator.plan import companions, configuration, names, network, programming, status
from dromos_operator.plan.attachment import Attachment
from dromos_operator.plan.conditions import Condition, no
from dromos_operator.plan.metadata import is_owned_by
from dromos_operator.plan.programming import Expectation
from dromos_operator.plan.scaling import Scale, scale
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.plan.volumes import growth
from dromos_operator.plan.workload import stateful_set
from dromos_operator.relay import Relay
from dromos_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be, and what is expected of the pods."""

    attachment: Attachment
    objects: tuple[Object, ...] = ()  # in the order they are applied
    growth: tuple[tuple[Key, dict[str, Any]], ...] = ()  # claims, and the patches that make them larger
    conflicts: tuple[str, ...] = ()  # of names that somebody else has
    expected: Expectation = field(default=Expectation((), ""))
    scale: Scale = field(default=Scale(0))
    too_large: str = ""
    token: str = ""


def owned_keys(namespace: str, node: str) -> tuple[Key, ...]:
    """Everything that a ForwardNode of this name has."""
    name = names.workload(node)
    return (
        Key("ServiceAccount", namespace, name),
        Key("ConfigMap", namespace, names.configuration(node)),
        Key("Secret", namespace, names.credentials(node)),
        Key("Secret", namespace, names.pseudonyms(node)),
        Key("Service", namespace, name),
        Key("Service", namespace, names.pods_service(node)),
        Key("NetworkPolicy", namespace, name),
        Key("PodDisruptionBudget", namespace, name),
        Key("StatefulSet", namespace, name),
    )


def plan(
    snapshot: Snapshot, settings: Settings, fresh_token: str, monotonic: float, relay: Relay | None = None
) -> Plan:
    """What shall be. `fresh_token` is used when pods and operator share none yet, `relay` where no other is named."""
    attachment = Attachment(snapshot)
    node = snapshot.node
    if node is None or attachment.node is None:
        return Plan(attachment)
    if node["metadata"].get("deletionTimestamp"):  # its objects go by themselves
        return Plan(attachment)
    files = configuration.files(attachment, relay)
    if files.too_large and not files.manifests:  # there is no good configuration that could stay
        return Plan(attachment, too_large=files.too_large)
    token = configuration.admin_token(attachment) or fresh_token
    live = snapshot.live.get(Key("StatefulSet", snapshot.namespace, names.workload(snapshot.name)))
    objects: list[Object] = [
        companions.config_map(node, files),
        companions.credentials(node, files, token),
        companions.pseudonyms(node, files),
    ]
    if attachment.node.model is None:  # the workload stays as it was last planned
        scaled = Scale(int(((live or {}).get("spec") or {}).get("replicas", 0)))
    else:
        spec = attachment.node.model.spec
        scaled = scale(snapshot, spec.replicas, live, monotonic)
        objects += [
            companions.service_account(node),
            network.service(node, spec),
            network.pods_service(node),
            network.network_policy(node, settings.operator_namespace, settings.metrics_from),
            companions.disruption_budget(node),
            stateful_set(node, spec, settings, scaled.replicas, live),
        ]
    larger = () if attachment.node.model is None else growth(snapshot.claims, attachment.node.model.spec)
    taken = {key for key in owned_keys(snapshot.namespace, snapshot.name) if _is_foreign(key, snapshot)}
    pods = tuple(names.pod(snapshot.name, ordinal) for ordinal in range(scaled.replicas))
    return Plan(
        attachment,
        tuple(obj for obj in objects if _key(obj) not in taken),
        larger,
        tuple(sorted(f"{key.kind} {key.name!r}" for key in taken)),
        Expectation(pods, files.hash),
        scaled,
        files.too_large,
        token,
    )


def statuses(planned: Plan, refusals: tuple[str, ...], now: str) -> tuple[Object, ...]:
    """The statuses that tell of the plan; `refusals` is what the API server would not have of it."""
    attachment = planned.attachment
    node = attachment.snapshot.node
    if node is not None and node["metadata"].get("deletionTimestamp"):
        return ()
    common = _common(planned, refusals)
    result = status.destinations(attachment, planned.expected, common, now)
    if node is not None:
        result.insert(0, status.forward_node(attachment, planned.expected, common, planned.scale.waiting, now))
    return tuple(result)


def _common(planned: Plan, refusals: tuple[str, ...]) -> Condition:
    node = planned.attachment.node
    if planned.conflicts:
        text = ", ".join(planned.conflicts)
        message = f"{text}: the name is taken by an object that does not belong to this ForwardNode"
        return no(types.PROGRAMMED, reasons.NAME_CONFLICT, message)
    if node is not None and node.model is None:
        return no(types.PROGRAMMED, reasons.INVALID, "the ForwardNode is not valid; the last valid form stays in force")
    if refusals:
        return no(types.PROGRAMMED, reasons.REFUSED, "; ".join(refusals))
    if planned.too_large:
        return no(types.PROGRAMMED, reasons.CONFIG_TOO_LARGE, planned.too_large)
    return programming.of_pods(planned.attachment.snapshot, planned.expected)


def _is_foreign(key: Key, snapshot: Snapshot) -> bool:
    obj = snapshot.live.get(key)
    return obj is not None and snapshot.node is not None and not is_owned_by(obj, snapshot.node)


def _key(obj: Object) -> Key:
    return Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
