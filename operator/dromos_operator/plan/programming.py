# SPDX-License-Identifier: Apache-2.0
"""`Programmed`: whether every pod is there, ready, and runs this very configuration; else which one does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dromos_crds import conditions as types
from dromos_crds import reasons
from dromos_operator.kinds import Key, Object
from dromos_operator.plan import names
from dromos_operator.plan.conditions import Condition, no, yes
from dromos_operator.plan.report import Report, identity_of
from dromos_operator.plan.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Expectation:
    """What pods there shall be, and what they shall run."""

    pods: tuple[str, ...]
    hash: str


def of_pods(snapshot: Snapshot, expected: Expectation) -> Condition:
    """`Programmed` as far as it is the same for the ForwardNode and all its Destinations."""
    if not expected.pods:
        return no(types.PROGRAMMED, reasons.NO_REPLICAS, "spec.replicas is 0: there is no pod")
    workload = snapshot.live.get(Key("StatefulSet", snapshot.namespace, names.workload(snapshot.name)))
    for name in expected.pods:
        blocked = _pod(name, snapshot.pods.get(name), snapshot.reports.get(name), workload, expected.hash)
        if blocked is not None:
            return blocked
    return yes(types.PROGRAMMED, f"acknowledged by {_count(len(expected.pods), 'pod')}")


def of_node(snapshot: Snapshot, expected: Expectation, common: Condition) -> Condition:
    """`Programmed` of the ForwardNode."""
    if common.holds:
        for name, report in _reports(snapshot, expected):
            for problem in report.problems:
                if problem.kind in {None, "ForwardNode"}:
                    return no(types.PROGRAMMED, problem.reason, f"pod {name}: {problem.message}")
    return common


def of_destination(destination: str, snapshot: Snapshot, expected: Expectation, common: Condition) -> Condition:
    """`Programmed` of one Destination."""
    if not common.holds:
        return common
    for name, report in _reports(snapshot, expected):
        verdict = report.verdicts.get(destination)
        if verdict is None:
            return no(types.PROGRAMMED, reasons.NOT_ACKNOWLEDGED, f"pod {name} does not know this Destination")
        if not verdict.programmed:
            message = verdict.message or "the Destination is held"
            return no(types.PROGRAMMED, verdict.reason or reasons.PENDING, f"pod {name}: {message}")
    return common


def acknowledged(pod: Object | None, report: Report | None, wanted: str) -> bool:
    """Whether the pod, in this life of it, has said that it runs the configuration."""
    return pod is not None and report is not None and report.hash == wanted and report.identity == identity_of(pod)


def is_ready(pod: Object) -> bool:
    """Whether the pod is ready and stays."""
    found = (pod.get("status") or {}).get("conditions") or ()
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in found)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _pod(
    name: str, pod: Object | None, report: Report | None, workload: Object | None, wanted: str
) -> Condition | None:
    heard = acknowledged(pod, report, wanted)
    if pod is None or not is_ready(pod):
        rest = "" if heard else " and to acknowledge the configuration"
        return no(types.PROGRAMMED, reasons.PODS_NOT_READY, f"waiting for pod {name} to be ready{rest}")
    if not heard:
        message = f"waiting for pod {name} to acknowledge the configuration"
        return no(types.PROGRAMMED, reasons.NOT_ACKNOWLEDGED, message)
    if _is_outdated(pod, workload):
        return no(types.PROGRAMMED, reasons.PODS_NOT_READY, f"waiting for pod {name} to be replaced")
    return None


def _is_outdated(pod: Object, workload: Object | None) -> bool:
    if workload is None:
        return True
    status = workload.get("status") or {}
    if status.get("observedGeneration") != workload["metadata"].get("generation"):
        return True
    revision = (pod["metadata"].get("labels") or {}).get("controller-revision-hash")
    return bool(revision != status.get("updateRevision"))


def _reports(snapshot: Snapshot, expected: Expectation) -> Iterable[tuple[str, Report]]:
    return ((name, snapshot.reports[name]) for name in expected.pods if name in snapshot.reports)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
