# SPDX-License-Identifier: Apache-2.0
"""What a gateway pod says about itself: the configuration it runs, and its queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pod made of one Destination."""

    programmed: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a pod finds wrong with a document."""

    kind: str | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Queue:
    """One Destination's queue in a pod."""

    waiting: int = 0
    failed: int = 0
    oldest: str | None = None
    last_transfer_time: str | None = None
    last_error: str | None = None
    reachable: bool | None = None  # None: the pod does not know


@dataclass(frozen=True, slots=True)
class Load:
    """A pod's spool and queues."""

    used: int = 0
    limit: int = 0
    instances: int = 0
    queues: Mapping[str, Queue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The last answers of one pod; `identity` tells one life of the pod from the next."""

    identity: str
    hash: str | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    problems: tuple[Trouble, ...] = ()
    load: Load | None = None
    load_at: float = 0.0  # monotonic


def read_configuration(identity: str, answer: Mapping[str, Any], before: Report | None) -> Report:
    """The answer of ``/v1/configuration``; the load of before stays."""
    verdicts = {
        item["name"]: Verdict(
            bool(item.get("programmed")), str(item.get("reason") or ""), str(item.get("message") or "")
        )
        for item in answer.get("destinations") or ()
    }
    problems = tuple(
        Trouble(item.get("kind"), str(item.get("reason") or "Invalid"), str(item.get("message") or ""))
        for item in answer.get("problems") or ()
    )
    load, at = (before.load, before.load_at) if before is not None else (None, 0.0)
    return Report(identity, str(answer.get("hash")), verdicts, problems, load, at)


def read_load(answer: Mapping[str, Any]) -> Load:
    """The answer of ``/v1/status``."""
    spool = answer.get("spool") or {}
    return Load(
        used=int(spool.get("bytes") or 0),
        limit=int(spool.get("limitBytes") or 0),
        instances=int(spool.get("instances") or 0),
        queues={
            item["name"]: Queue(
                int(item.get("waiting") or 0),
                int(item.get("failed") or 0),
                item.get("oldest"),
                item.get("lastTransferTime"),
                item.get("lastError"),
                item.get("reachable"),
            )
            for item in answer.get("destinations") or ()
        },
    )


def identity_of(pod: Mapping[str, Any]) -> str:
    """One life of a pod: its UID and the container's."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    container = next((status.get("containerID", "") for status in statuses if status.get("name") == "gateway"), "")
    return f"{pod['metadata']['uid']}/{container}"
