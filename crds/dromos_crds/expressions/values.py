# SPDX-License-Identifier: Apache-2.0
"""What expressions read, and what an action expression answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Values(Protocol):
    """The elements of one data set."""

    def text(self, tag: int) -> str | None:
        """The values of an element at the root, joined by a backslash; None when it is absent or empty."""

    def has_value(self, tag: int) -> bool:
        """The element is there at the root, and not empty; its value may be too long for a text."""

    def present(self, tag: int) -> bool:
        """The element is there, in a sequence perhaps, and perhaps empty."""


@dataclass(frozen=True, slots=True)
class Element:
    """The element that an action expression is about.

    `own` reads its value; without it, as in Karnak, stringValue is what the root has at its tag, in a sequence too.
    """

    tag: int
    vr: str
    own: Callable[[], str | None] | None = field(default=None, repr=False, compare=False)


class Symbol(StrEnum):
    """Karnak's letters for what becomes of an element."""

    KEEP = "K"
    REMOVE = "X"
    REPLACE = "D"
    EMPTY = "Z"
    UID = "U"
    ADD = "A"
    EXCLUDE = "E"


@dataclass(frozen=True, slots=True)
class Action:
    """What shall become of an element.

    ``value`` is the new value of Replace (None empties the element) and of Add, which names the element it adds.
    """

    symbol: Symbol
    value: str | None = field(default=None, repr=False)
    added: Element | None = None
