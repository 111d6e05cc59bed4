# SPDX-License-Identifier: Apache-2.0
"""The condition types of all three kinds, in the order a reader wants them."""

from __future__ import annotations

from typing import Final

ACCEPTED: Final = "Accepted"  # the object itself makes sense
RESOLVED_REFS: Final = "ResolvedRefs"  # everything it names is there
PROGRAMMED: Final = "Programmed"  # every pod has acknowledged this very configuration
READY: Final = "Ready"  # all of the above, and it works

CONDITION_TYPES: Final = (ACCEPTED, RESOLVED_REFS, PROGRAMMED, READY)
