# SPDX-License-Identifier: Apache-2.0
"""A reference in a manifest that leads nowhere, or to something that is no use."""

from __future__ import annotations


class Unresolved(Exception):
    """Something named is not there. The message never shows a value."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field
