# SPDX-License-Identifier: Apache-2.0
"""A-ASSOCIATE-RJ in words (PS3.8 table 9-21), with what to do about it."""

from __future__ import annotations

_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (1, 3): "calling AE title not recognized: the peer must be told of ours",
    (1, 7): "called AE title not recognized: check the destination's AE title",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded: too many associations",
}


def explain(result: int, source: int, reason: int) -> str:
    """Say what the three numbers mean."""
    lasting = {1: "permanent", 2: "transient"}.get(result, f"result {result}")
    return f"{_REASONS.get((source, reason), 'unknown reason')} ({lasting}; {result},{source},{reason})"
