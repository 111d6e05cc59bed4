# SPDX-License-Identifier: Apache-2.0
"""Sizes as Kubernetes writes them: ``parse_quantity("20Gi")``."""

from __future__ import annotations

import re
from fractions import Fraction

from dromos_crds.durations import parse_duration

__all__ = ["parse_duration", "parse_quantity"]

_UNITS = {"": 1} | {unit: 1000**power for power, unit in enumerate("kMGTP", 1)}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGTP", 1)}


def parse_quantity(text: str) -> int:
    """Bytes in a Kubernetes quantity, rounded up; ValueError says what is allowed."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGTP]i|[kMGTP]?)", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number and a unit such as 512Mi or 20Gi")
    # fractions, because 0.1Gi times 2**30 in floating point is off by bytes
    return -int(-Fraction(match[1]) * _UNITS[match[2]] // 1)
