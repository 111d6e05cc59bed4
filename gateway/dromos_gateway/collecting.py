# SPDX-License-Identifier: Apache-2.0
"""When Python looks for cycles. What instances leave has none; what was made at the start stays."""

from __future__ import annotations

import gc

_ALLOCATIONS = 50_000  # between looks at the youngest objects; Python's own 700 means one for every few instances


def collect_seldom() -> None:
    """To be called once everything is set up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
