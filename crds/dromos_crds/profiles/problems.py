# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a profile, by its path inside the profile."""

from __future__ import annotations

from dataclasses import dataclass

from dromos_crds import reasons


@dataclass(frozen=True, slots=True)
class ProfileProblem:
    """One thing wrong: ``path`` is inside the profile (``profileElements[2].arguments.days``), empty for all of it."""

    path: str
    message: str
    reason: str = reasons.INVALID

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message
