# SPDX-License-Identifier: Apache-2.0
"""Volumes that are smaller than the ForwardNode asks for: a claim template cannot be changed, a claim can grow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dromos_crds.forwardnode import ForwardNodeSpec
from dromos_crds.quantities import parse_quantity
from dromos_operator.kinds import Key, Object, key_of


def growth(claims: Iterable[Object], spec: ForwardNodeSpec) -> tuple[tuple[Key, dict[str, Any]], ...]:
    """The claims to grow, each with the merge patch that does; none ever shrinks."""
    wanted = parse_quantity(spec.spool.size)
    patch = {"spec": {"resources": {"requests": {"storage": spec.spool.size}}}}
    return tuple((key_of(claim), patch) for claim in claims if _request(claim) < wanted)


def _request(claim: Object) -> float:
    text = (((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}).get("storage", "")
    try:
        return parse_quantity(str(text))
    except ValueError:  # a way of writing sizes that is not ours: leave it alone
        return float("inf")
