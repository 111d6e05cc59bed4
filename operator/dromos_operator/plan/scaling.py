# SPDX-License-Identifier: Apache-2.0
"""How many pods there may be: fewer only once the pods that would go have an empty spool."""

from __future__ import annotations

from dataclasses import dataclass

from dromos_operator.kinds import Object
from dromos_operator.plan import names
from dromos_operator.plan.report import Load
from dromos_operator.plan.snapshot import Snapshot

FRESH = 30.0  # seconds that a pod's word about its spool counts


@dataclass(frozen=True, slots=True)
class Scale:
    """How many pods are planned; `waiting` says what keeps more of them than are wanted."""

    replicas: int
    waiting: str = ""
    retiring: frozenset[str] = frozenset()  # pods that get no new associations, so that their spools come to an end


def scale(snapshot: Snapshot, wanted: int, live: Object | None, monotonic: float) -> Scale:
    """Go down from the last ordinal, one by one, as far as spools are empty."""
    current = int(((live or {}).get("spec") or {}).get("replicas", wanted))
    retiring = frozenset(names.pod(snapshot.name, ordinal) for ordinal in range(wanted, current))
    for count in range(current, wanted, -1):
        name = names.pod(snapshot.name, count - 1)
        report = snapshot.reports.get(name)
        if report is None or report.load is None or monotonic - report.load_at > FRESH:
            said = f"waiting for pod {name} to say whether its spool is empty before it is removed"
            return Scale(count, said, retiring)
        if report.load.instances:
            said = f"waiting for pod {name} to deliver {_held(report.load)} before it is removed"
            return Scale(count, said, retiring)
    return Scale(wanted)


def _held(load: Load) -> str:
    """What is in the spool, and what to do about the part that does not go by itself."""
    failed = sum(queue.failed for queue in load.queues.values())
    advice = f" ({failed} transfers failed: `dromos failures` in that pod retries or discards them)" if failed else ""
    return f"{load.instances} instances{advice}"
