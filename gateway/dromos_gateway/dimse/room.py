# SPDX-License-Identifier: Apache-2.0
"""Memory that strangers share: what each of them may announce is small, what all of them may is not."""

from __future__ import annotations


class Room:
    """So many bytes for all."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Whether there is room; then it is taken."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """It is free again."""
        self._left += size
