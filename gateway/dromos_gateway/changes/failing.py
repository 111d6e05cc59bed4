# SPDX-License-Identifier: Apache-2.0
"""What a worker's job that came to nothing means for its instance."""

from __future__ import annotations

from dromos_gateway.changes.change import Held
from dromos_gateway.workers.job import Cause, Failed

_REASONS = {
    Cause.MEMORY: "ChangeTooLarge",
    Cause.CPU: "ChangeTooLong",
    Cause.WALL: "ChangeTooLong",
    Cause.OUTPUT: "ChangeTooLarge",
}


def held_by(failed: Failed) -> Held:
    """The instance is to blame, unless the failure is worth retrying."""
    return Held(_REASONS.get(failed.cause, "ChangeFailed"), failed.message)
