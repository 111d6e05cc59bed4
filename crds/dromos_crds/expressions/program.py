# SPDX-License-Identifier: Apache-2.0
"""An expression compiled once and run often."""

from __future__ import annotations

from collections.abc import Mapping
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


class _Run:
    """The functions of a program as the engine calls them, and the evaluation that they belong to at the moment."""

    __slots__ = ("context", "evaluation")

    def __init__(self, functions: Mapping[str, Implementation], variables: Mapping[str, object]) -> None:
        self.evaluation: Evaluation | None = None
        bound = {name: partial(self._called, function) for name, function in functions.items()}
        self.context = Context(variables=dict(variables), functions=bound)

    def _called(self, function: Implementation, *arguments: object) -> object:
        """Call it once nothing failed before. A failure is kept, not raised: the engine would print it on stderr."""
        evaluation = self.evaluation
        if evaluation is not None and evaluation.failure is None:
            try:
                return function(evaluation, *arguments)
            except Exception as error:
                evaluation.failure = error
        return None


class Program:
    """A compiled expression. It keeps nothing of what a run read, and threads may share it."""

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
        self.tags = None if translation.tags is None else tuple(sorted(translation.tags))
        self._idle: list[_Run] = []

    def run(self, values: Values, element: Element | None = None) -> tuple[object, Evaluation]:
        """The result and its evaluation, which knows the actions. ExpressionFailed, caused by what `values` raised."""
        variables = self._variables(values, element)
        evaluation = Evaluation(values, self._patterns)
        run = _Run(self._functions, variables) if variables else self._idle_run()
        run.evaluation = evaluation
        try:
            result = self._program.execute(run.context)
        except Exception:  # the engine's own words may hold values: they are not passed on
            _fail(evaluation)
        finally:
            run.evaluation = None
            if not variables:
                self._idle.append(run)
        if evaluation.failure is not None:
            _fail(evaluation)
        return result, evaluation

    def _idle_run(self) -> _Run:
        """One that no other thread uses: making it takes as long as evaluating with it."""
        try:
            return self._idle.pop()
        except IndexError:
            return _Run(self._functions, {})

    def _variables(self, values: Values, element: Element | None) -> dict[str, object]:
        if not self._properties or element is None:
            return {}
        text = None
        if "stringValue" in self._properties:
            text = values.text(element.tag) if element.own is None else element.own()
        if text is not None and element.vr not in _ONE_VALUE:
            text = text.partition("\\")[0] or None  # dcm4che's first value, which is null when it is empty
        known = {"tag": element.tag, "vr": element.vr, "stringValue": text}
        return {name: known[name] for name in self._properties}


def _fail(evaluation: Evaluation) -> NoReturn:
    failure = evaluation.failure
    if isinstance(failure, ExpressionFailed):
        raise ExpressionFailed(str(failure)) from None
    what = "an element could not be read" if failure is not None else "it could not be evaluated"
    raise ExpressionFailed(what) from failure
