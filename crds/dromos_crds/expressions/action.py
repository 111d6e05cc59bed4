# SPDX-License-Identifier: Apache-2.0
"""Action expressions (``expression.on.tags``): what shall become of an element."""

from __future__ import annotations

from functools import lru_cache

from dromos_crds.expressions import functions, vocabulary
from dromos_crds.expressions.mistakes import Mistake, Refusal
from dromos_crds.expressions.program import Program
from dromos_crds.expressions.values import Action, Element, Values
from dromos_crds.expressions.vocabulary import Kind


class ActionExpression:
    """A compiled action expression."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str, program: Program) -> None:
        self.text = text
        self._program = program

    def decide(self, values: Values, element: Element) -> Action | None:
        """What to do with an element; None: nothing here, ask the next rule. ExpressionFailed: hold the instance.

        ``values`` are those of the untouched root, also for an element inside a sequence (karnak.md §1d), unless
        that one reads its own.
        """
        result, evaluation = self._program.run(values, element)
        return evaluation.action(str(result)) if result is not None else None

    def __repr__(self) -> str:
        return f"ActionExpression({self.text!r})"


@lru_cache(maxsize=1024)
def compile_action(text: str) -> ActionExpression | Mistake:
    """Compile an action expression, or say what is wrong with it."""
    try:
        program = Program(text, vocabulary.ACTION, functions.ACTION)
        if program.type.kind not in (Kind.ACTION, Kind.NULL):
            raise Refusal(f"an action such as Keep() or null is needed; this is {program.type.kind}", 0)
    except Refusal as refusal:
        return refusal.in_text(text)
    return ActionExpression(text, program)
