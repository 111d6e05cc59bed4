# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with an expression: a mistake in its text, and a failure when it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a text is not an expression, and where; both count from 1."""

    message: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class ExpressionFailed(Exception):
    """An expression could not be evaluated on this instance. The text never holds a value of the data set."""


class Refusal(Exception):
    """Inside this package: a mistake at an offset of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset

    def in_text(self, text: str) -> Mistake:
        """The same as a value, with line and column."""
        before = text[: self.offset]
        return Mistake(self.message, before.count("\n") + 1, self.offset - (before.rfind("\n") + 1) + 1)
