# SPDX-License-Identifier: Apache-2.0
"""An expression compiled once and run often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

from dromos_crds.expressions.engine import Context, compile_cel
from dromos_crds.expressions.functions import Evaluation, Implementation
from dromos_crds.expressions.mistakes import ExpressionFailed, Refusal
from dromos_crds.expressions.parser import parse
from dromos_crds.expressions.translation import translate
from dromos_crds.expressions.values import Element, Values
from dromos_crds.expressions.vocabulary import Type, Vocabulary

# PS3.5 §6.2: a backslash in these is a character, everywhere else it separates values
_ONE_VALUE = frozenset(("ST", "LT", "UT", "UR"))


class Program:
    """A compiled expression. It keeps nothing of a run, so that threads may share it."""

    def __init__(self, text: str, vocabulary: Vocabulary, functions: Mapping[str, Implementation]) -> None:
        """Compile; Refusal when the text is not an expression of this vocabulary."""
        translation = translate(parse(text), vocabulary)
        try:
            self._program = compile_cel(translation.cel)
        except ValueError:  # it is correct: what the engine has left to dislike is its depth
            raise Refusal("this is nested too deeply; split it", 0) from None
        self.type: Type = translation.type
        self._functions = {name: functions[name] for name in translation.functions}
        self._properties = frozenset(translation.properties)
        self._patterns = tuple(translation.patterns)

    def run(self, values: Values, element: Element | None = None) -> tuple[object, Evaluation]:
        """The result and its evaluation, which knows the actions. ExpressionFailed, caused by what `values` raised."""
        evaluation = Evaluation(values, self._patterns)
        functions = {name: _kept(evaluation, function) for name, function in self._functions.items()}
        context = Context(variables=self._variables(values, element), functions=functions)
        try:
            result = self._program.execute(context)
        except Exception:  # the engine's own words may hold values: they are not passed on
            _fail(evaluation)
        if evaluation.failure is not None:
            _fail(evaluation)
        return result, evaluation

    def _variables(self, values: Values, element: Element | None) -> dict[str, object]:
        if not self._properties or element is None:
            return {}
        text = values.text(element.tag) if "stringValue" in self._properties else None
        if text is not None and element.vr not in _ONE_VALUE:
            text = text.partition("\\")[0]
        known = {"tag": element.tag, "vr": element.vr, "stringValue": text}
        return {name: known[name] for name in self._properties}


def _kept(evaluation: Evaluation, function: Implementation) -> Callable[..., object]:
    return partial(_called, evaluation, function)


def _called(evaluation: Evaluation, function: Implementation, *arguments: object) -> object:
    """Call it once nothing failed before. A failure is kept, not raised: the engine would print it on stderr."""
    if evaluation.failure is None:
        try:
            return function(evaluation, *arguments)
        except Exception as error:
            evaluation.failure = error
    return None


def _fail(evaluation: Evaluation) -> NoReturn:
    failure = evaluation.failure
    if isinstance(failure, ExpressionFailed):
        raise ExpressionFailed(str(failure)) from None
    what = "an element could not be read" if failure is not None else "it could not be evaluated"
    raise ExpressionFailed(what) from failure
