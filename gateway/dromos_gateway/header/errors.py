# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a data set. Texts name tags and offsets, never values."""

from __future__ import annotations


class MalformedDataSet(ValueError):
    """The data set breaks PS3.5; `offset` counts from its first byte (of the inflated form, where it was deflated)."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(f"{what} at byte {offset} of the data set")
        self.what = what
        self.offset = offset


def named(tag: int) -> str:
    """(gggg,eeee)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
