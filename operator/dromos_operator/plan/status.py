# SPDX-License-Identifier: Apache-2.0
"""The statuses of ForwardNodes and Destinations, as documents for the status subresource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dromos_crds import Destination, reasons
from dromos_crds import conditions as types
from dromos_crds.destination_expressions import mistakes
from dromos_crds.meaning import nobody
from dromos_operator.kinds import KINDS, Key, Object
from dromos_operator.plan import names, profiles, programming, references
from dromos_operator.plan.attachment import Attachment
from dromos_operator.plan.conditions import Condition, dated, no, ready, unknown, yes
from dromos_operator.plan.metadata import selector
from dromos_operator.plan.programming import Expectation
from dromos_operator.plan.reading import Reading
from dromos_operator.plan.report import Load
from dromos_operator.plan.resolve import of_project, resolved_refs

# the parts of a status that change by themselves; they are written every 30 s at most
COUNTERS = ("spool", "queue", "lastTransferTime", "lastError", "reachable")


def document(obj: Object, conditions: Iterable[Condition], now: str, **fields: Any) -> Object:
    """A status of an object; fields that are None are left out."""
    metadata, kind = obj["metadata"], obj["kind"]
    generation = int(metadata.get("generation", 0))
    before = (obj.get("status") or {}).get("conditions") or ()
    status = {
        "observedGeneration": generation,
        "conditions": dated(conditions, before, generation, now),
        **{name: value for name, value in fields.items() if value is not None},
    }
    head = {"name": metadata["name"], "namespace": metadata["namespace"]}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": head, "status": status}


def forward_node(attachment: Attachment, expected: Expectation, common: Condition, waiting: str, now: str) -> Object:
    """The status of the ForwardNode, which exists."""
    snapshot, reading = attachment.snapshot, attachment.node
    assert snapshot.node is not None and reading is not None  # noqa: S101, PT018
    programmed = programming.of_node(snapshot, expected, common)
    if programmed.holds and waiting:
        programmed = no(types.PROGRAMMED, reasons.SCALING_DOWN, waiting)
    conditions = [_accepted(reading.problems), _node_refs(attachment), programmed]
    workload = snapshot.live.get(Key("StatefulSet", snapshot.namespace, names.workload(snapshot.name))) or {}
    scale = workload.get("status") or {}
    labels = ",".join(f"{name}={value}" for name, value in sorted(selector(snapshot.name).items()))
    return document(
        snapshot.node,
        [*conditions, _node_ready(attachment, conditions)],
        now,
        destinations=len(attachment.destinations),
        replicas=int(scale.get("replicas") or 0),
        readyReplicas=int(scale.get("readyReplicas") or 0),
        selector=labels,
        spool=_spool(_loads(attachment, expected)) or (snapshot.node.get("status") or {}).get("spool"),
    )


def destinations(attachment: Attachment, expected: Expectation, common: Condition, now: str) -> list[Object]:
    """The statuses of the Destinations, with or without a ForwardNode."""
    loads = _loads(attachment, expected)
    return [
        _destination(attachment, obj, reading, expected, common, loads, now) for obj, reading in attachment.destinations
    ]


def _destination(
    attachment: Attachment,
    obj: Object,
    reading: Reading[Destination],
    expected: Expectation,
    common: Condition,
    loads: Sequence[Load],
    now: str,
) -> Object:
    name = obj["metadata"]["name"]
    if attachment.node is None:
        programmed = no(types.PROGRAMMED, reasons.PENDING, f"there is no ForwardNode {attachment.snapshot.name!r}")
    else:
        programmed = programming.of_destination(name, attachment.snapshot, expected, common)
    conditions = [_destination_accepted(reading), _destination_refs(attachment, reading), programmed]
    return document(
        obj,
        [*conditions, _destination_ready(attachment, reading, conditions)],
        now,
        target=_target(reading),
        profile=_profile(attachment, obj, reading, programmed, now),
        **_counters(name, loads, obj),
    )


def _profile(
    attachment: Attachment, obj: Object, reading: Reading[Destination], programmed: Condition, now: str
) -> Mapping[str, Any] | None:
    """What is in force; while the pods have not all acknowledged, what was until now."""
    use = _project_use(reading)
    if use is None:
        return None
    before: Mapping[str, Any] | None = (obj.get("status") or {}).get("profile")
    project = attachment.project(use[1])
    if project is None or not programmed.holds:
        return before
    return profiles.applied(project, attachment.around, before, now)


def _project_use(reading: Reading[Destination]) -> tuple[str, str] | None:
    """The field and the name of the Project that a Destination uses."""
    if reading.model is None:
        return None
    found = references.of_destination(reading.model.spec)
    return next(((reference.field, reference.name) for reference in found if reference.kind == "Project"), None)


def _target(reading: Reading[Destination]) -> str | None:
    spec = reading.model.spec if reading.model is not None else None
    if spec is not None and spec.stow is not None:
        return spec.stow.url
    if spec is not None and spec.dicom is not None:
        host = f"[{spec.dicom.hostname}]" if ":" in spec.dicom.hostname else spec.dicom.hostname
        return f"{host}:{spec.dicom.port}"
    return None


def _accepted(problems: Sequence[str]) -> Condition:
    if problems:
        return no(types.ACCEPTED, reasons.INVALID, "; ".join(problems))
    return yes(types.ACCEPTED, "the object is valid")


def _destination_accepted(reading: Reading[Destination]) -> Condition:
    if reading.model is not None and (found := list(mistakes(reading.model.spec))):
        return no(types.ACCEPTED, found[0][1], "; ".join(f"{field}: {said}" for field, _, said in found))
    return _accepted(reading.problems)


def _node_refs(attachment: Attachment) -> Condition:
    if attachment.node is None or attachment.node.model is None:
        return unknown(types.RESOLVED_REFS, "the object is not valid")
    return resolved_refs(references.of_forward_node(attachment.node.model), attachment.around)


def _destination_refs(attachment: Attachment, reading: Reading[Destination]) -> Condition:
    if attachment.snapshot.node is None:
        snapshot = attachment.snapshot
        message = nobody("ForwardNode", snapshot.name, snapshot.namespace, snapshot.nodes)
        return no(types.RESOLVED_REFS, reasons.FORWARD_NODE_NOT_FOUND, f"spec.forwardNodeRef.name: {message}")
    if reading.model is None:
        return unknown(types.RESOLVED_REFS, "the object is not valid")
    resolved = resolved_refs(references.of_destination(reading.model.spec), attachment.around)
    if not resolved.holds:
        return resolved
    return _project_refs(attachment, reading) or resolved


def _project_refs(attachment: Attachment, reading: Reading[Destination]) -> Condition | None:
    """What the Destination's Project lacks; None when nothing."""
    if (use := _project_use(reading)) is None:
        return None
    field, name = use
    project = attachment.project(name)
    if project is None:
        message = f"{field}: Project {name!r} is not valid; its own conditions say why"
        return no(types.RESOLVED_REFS, reasons.PROJECT_NOT_RESOLVED, message)
    condition = of_project(project, attachment.around)
    if condition.holds:
        return None
    return no(types.RESOLVED_REFS, condition.reason, f"{field}: Project {name!r}: {condition.message}")


def _node_ready(attachment: Attachment, conditions: Sequence[Condition]) -> Condition:
    node = attachment.node.model if attachment.node is not None else None
    if all(condition.holds for condition in conditions[:2]):
        if node is not None and node.spec.suspend:
            return no(types.READY, reasons.SUSPENDED, "spec.suspend: images are received and kept, none is forwarded")
        if not attachment.enabled:
            message = "no enabled Destination names this ForwardNode; C-STORE is answered with A700"
            return no(types.READY, reasons.NO_DESTINATION, message)
    return ready(conditions, f"{attachment.enabled} of {len(attachment.destinations)} Destinations enabled")


def _destination_ready(
    attachment: Attachment, reading: Reading[Destination], conditions: Sequence[Condition]
) -> Condition:
    node = attachment.node.model if attachment.node is not None else None
    if reading.model is not None and all(condition.holds for condition in conditions[:2]):
        if not reading.model.spec.enabled:
            message = "spec.enabled is false: what comes in is excluded, what is queued waits"
            return no(types.READY, reasons.DISABLED, message)
        if reading.model.spec.suspend:
            return no(types.READY, reasons.SUSPENDED, "spec.suspend: images are queued, none is sent")
        if node is not None and node.spec.suspend:
            return no(types.READY, reasons.SUSPENDED, f"ForwardNode {node.metadata.name!r} is suspended")
    return ready(conditions, "images are forwarded")


def _loads(attachment: Attachment, expected: Expectation) -> list[Load]:
    reports = (attachment.snapshot.reports.get(name) for name in expected.pods)
    return [report.load for report in reports if report is not None and report.load is not None]


def _spool(loads: Sequence[Load]) -> dict[str, int] | None:
    if not loads:
        return None
    return {
        "usedBytes": sum(load.used for load in loads),
        "limitBytes": sum(load.limit for load in loads),
        "instances": sum(load.instances for load in loads),
    }


def _counters(name: str, loads: Sequence[Load], obj: Object) -> dict[str, Any]:
    queues = [load.queues[name] for load in loads if name in load.queues]
    if not queues:  # nobody to ask: what was known stays
        status = obj.get("status") or {}
        return {field: status.get(field) for field in COUNTERS if field != "spool"}
    queue: dict[str, Any] = {
        "waiting": sum(part.waiting for part in queues),
        "failed": sum(part.failed for part in queues),
        "oldest": _pick(min, [part.oldest for part in queues]),
    }
    return {
        "queue": {field: value for field, value in queue.items() if value is not None},
        "lastTransferTime": _pick(max, [part.last_transfer_time for part in queues]),
        "lastError": next((part.last_error for part in queues if part.last_error), None),
        "reachable": _all_reach([part.reachable for part in queues]),
    }


def _all_reach(answers: Sequence[bool | None]) -> bool | None:
    """False as soon as one pod gets no answer; None while none of them knows."""
    known = [answer for answer in answers if answer is not None]
    return all(known) if known else None


def _pick(choose: Callable[[list[str]], str], times: Iterable[str | None]) -> str | None:
    # RFC 3339 in UTC with seconds sorts as text
    known = [time for time in times if time]
    return choose(known) if known else None
