# SPDX-License-Identifier: Apache-2.0
"""Sizes and durations as Kubernetes writes them: `parse_quantity("20Gi")`, `parse_duration("168h")`."""

from __future__ import annotations

import re

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_quantity(text: str) -> int:
    """Bytes in a Kubernetes quantity; ValueError says what is allowed."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGTP]i|[kMGTP]?)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number and a unit such as 512Mi or 20Gi")
    return int(float(match[1]) * (_BINARY | _DECIMAL)[match[2]])


def parse_duration(text: str) -> float:
    """Seconds in a duration; ValueError says what is allowed."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit such as 45s, 30m or 168h")
    return float(match[1]) * _SECONDS[match[2]]
