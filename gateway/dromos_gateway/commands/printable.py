# SPDX-License-Identifier: Apache-2.0
"""Words on a terminal, an image's or a peer's among them, and how much room there is."""

from __future__ import annotations

import shutil
import sys


def printable(text: object) -> str:
    """Kept from moving the cursor, and in one line."""
    return "".join(each if each.isprintable() else " " for each in str(text))


def wide() -> int | None:
    """How many characters a line of the terminal has; None where there is none, since programs want each line whole."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
