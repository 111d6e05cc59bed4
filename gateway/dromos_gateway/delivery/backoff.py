# SPDX-License-Identifier: Apache-2.0
"""When to try again: full jitter, so that gateways do not come back in step."""

from __future__ import annotations

from random import Random

BASE = 2.0
CAP = 900.0


def retry_delay(attempts: int, random: Random) -> float:
    """Seconds until the next try after `attempts` failed ones: up to the doubled base, 15 minutes at most."""
    return random.uniform(0.0, min(CAP, BASE * 2.0 ** min(attempts, 16)))
