# SPDX-License-Identifier: Apache-2.0
"""What the admin port shows, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dromos_crds.problems import Problem
from dromos_gateway.admin.naming import there_are
from dromos_gateway.delivery.breaker import BreakerState
from dromos_gateway.delivery.outcome import in_our_words
from dromos_gateway.gateway import Gateway
from dromos_gateway.spool.records import FailedShare, Failure, Totals

JSON = dict[str, Any]


def configuration(gateway: Gateway) -> JSON:
    """The acknowledgement: which files are in force, and what is wrong with them."""
    broken = gateway.loaded.broken
    destinations = []
    for key, settings in gateway.configuration.destinations.items():
        namespace, _, name = key.partition("/")
        reason, message = "Programmed", ""
        if ("Destination", namespace, name) in broken:
            reason, message = "LastAcceptedForm", "its document is broken; the last accepted form is in force"
        if settings.hold is not None:
            reason, message = settings.hold.reason, settings.hold.message
        destinations.append(
            {
                "namespace": namespace,
                "name": name,
                "generation": settings.generation,
                "programmed": reason == "Programmed",
                "reason": reason,
                "message": message,
            }
        )
    return {
        "hash": gateway.configuration.hash,
        "problems": [_problem(problem) for problem in gateway.problems()],
        "destinations": destinations,
    }


async def status(gateway: Gateway) -> JSON:
    """Queues and disk."""
    totals = await gateway.spool.totals()
    space = gateway.spool.space
    return {
        "spool": {
            "bytes": space.used,
            "limitBytes": space.limit,
            "instances": await gateway.spool.instances(),
            "available": space.shortage is None,
        },
        "destinations": [
            _destination(gateway, key, totals) for key in sorted(there_are(gateway.configuration, totals))
        ],
    }


def failure(item: Failure) -> JSON:
    """A dead letter."""
    return {
        "id": item.id,
        "destination": item.destination,
        "forwardNode": item.node,
        "reason": item.reason,
        "message": item.message,
        "attempts": item.attempts,
        "failedAt": timestamp(item.failed_at),
        "receivedAt": timestamp(item.received_at),
        "size": item.size,
        "sopClassUID": item.sop_class_uid,
        "sopInstanceUID": item.sop_instance_uid,
        "transferSyntaxUID": item.transfer_syntax_uid,
        "studyInstanceUID": item.study,
        "callingAETitle": item.calling_ae_title,
    }


def failed_share(item: FailedShare) -> JSON:
    """A series that is not in its album. Its number says what it is: dead letters have plain ones."""
    return {
        "id": f"share-{item.id}",
        "destination": item.destination,
        "reason": "NotShared",
        "message": item.message,
        "attempts": item.attempts,
        "failedAt": timestamp(item.failed_at),
        "studyInstanceUID": item.study,
        "seriesInstanceUID": item.series,
    }


def timestamp(seconds: float | None) -> str | None:
    """RFC 3339, in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _destination(gateway: Gateway, key: str, totals: Mapping[str, Totals]) -> JSON:
    namespace, _, name = key.partition("/")
    total = totals.get(key, Totals())
    sender = gateway.dispatcher.senders.get(key)
    unreachable = sender.contact.error if sender is not None else ""
    return {
        "namespace": namespace,
        "name": name,
        "waiting": total.waiting,
        "failed": total.failed,
        "excluded": total.excluded,
        "delivered": total.delivered,
        "sharesWaiting": total.shares_waiting,
        "sharesFailed": total.shares_failed,
        "oldest": timestamp(total.oldest),
        "lastTransferTime": timestamp(total.last_transfer),
        "lastError": in_our_words(total.last_error or "") or unreachable or None,
        "reachable": sender.reachable if sender is not None else None,
        "breaker": sender.breaker.state if sender is not None else BreakerState.Closed,
    }


def _problem(problem: Problem) -> JSON:
    return {
        "kind": problem.kind,
        "namespace": problem.namespace,
        "name": problem.name,
        "field": problem.field,
        "reason": problem.reason,
        "message": str(problem) if problem.kind is None else problem.message,
    }
