# SPDX-License-Identifier: Apache-2.0
"""Conditions: true or false for an instance."""

from __future__ import annotations

from functools import lru_cache

from dromos_crds.expressions import functions, vocabulary
from dromos_crds.expressions.mistakes import Mistake, Refusal
from dromos_crds.expressions.program import Program
from dromos_crds.expressions.values import Values
from dromos_crds.expressions.vocabulary import Kind, Type


class Condition:
    """A compiled condition; equal to another of the same text."""

    __slots__ = ("_program", "tags", "text")

    def __init__(self, text: str, program: Program) -> None:
        self.text = text
        self.tags = program.tags  # all that it can ask for, and nothing but that decides; None: not known beforehand
        self._program = program

    def holds(self, values: Values) -> bool:
        """Whether it is true of an instance. ExpressionFailed when that cannot be told: then hold the instance."""
        result, _ = self._program.run(values)
        return result is True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Condition({self.text!r})"


@lru_cache(maxsize=1024)
def compile_condition(text: str) -> Condition | Mistake:
    """Compile a condition, or say what is wrong with it."""
    try:
        program = Program(text, vocabulary.CONDITION, functions.CONDITION)
        if program.type != Type(Kind.TRUTH):
            said = "may be null" if program.type.kind is Kind.TRUTH else f"is {program.type.kind}"
            raise Refusal(f"a condition is true or false; this {said}", 0)
    except Refusal as refusal:
        return refusal.in_text(text)
    return Condition(text, program)
