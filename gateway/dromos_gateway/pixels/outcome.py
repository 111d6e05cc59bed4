# SPDX-License-Identifier: Apache-2.0
"""What came of a plan. No message quotes a value of the instance beyond sizes, bit depths and UIDs of syntaxes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PixelsChanged:
    """The instance may go. Where `written` is False the source goes as it is and there is no target file."""

    written: bool
    sop_instance_uid: str
    transfer_syntax_uid: str
    masked_frames: int = 0
    lossy: bool = False  # compressed with loss here: the SOP Instance UID is a new one
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """The instance must not go as things are."""

    reason: str  # one word, as in conditions: NoMatchingMask, PixelsUndecodable, PixelsCannotBeMasked, …
    message: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A rule of the configuration says that the instance does not go."""

    rule: str


class Unfit(Exception):
    """The pixels cannot be understood, or not be coded as wanted; becomes `Held`."""

    def __init__(self, message: str, reason: str = "PixelsUndecodable") -> None:
        super().__init__(message)
        self.reason = reason
