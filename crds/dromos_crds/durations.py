# SPDX-License-Identifier: Apache-2.0
"""Durations as Go and Kubernetes write them: ``parse_duration("168h")``."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds in a duration of one number and one unit; ValueError says what is allowed."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]+)?)(m?s)|([0-9]{1,6}(?:\.[0-9]+)?)([mh])", text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit such as 45s, 30m or 168h")
    number, unit = (part for part in match.groups() if part is not None)
    return float(number) * _SECONDS[unit]
