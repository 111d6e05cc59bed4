# SPDX-License-Identifier: Apache-2.0
"""An image's or a peer's words on a terminal."""

from __future__ import annotations


def printable(text: object) -> str:
    """Kept from moving the cursor, and in one line."""
    return "".join(each if each.isprintable() else " " for each in str(text))
