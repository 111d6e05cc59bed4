# SPDX-License-Identifier: Apache-2.0
"""Karnak's expression language over CEL: conditions, action expressions and templates.

Karnak evaluates Spring expressions, with all of Java behind them. Here the same spelling is parsed and type-checked by
a small grammar of our own and translated to CEL, so that a mistake is found when a manifest is read, with its position,
and nothing but the words of the vocabulary can be said.
"""

from dromos_crds.expressions.action import ActionExpression, compile_action
from dromos_crds.expressions.condition import Condition, compile_condition
from dromos_crds.expressions.mistakes import ExpressionFailed, Mistake
from dromos_crds.expressions.template import Template, compile_template
from dromos_crds.expressions.values import Action, Element, Symbol, Values

__all__ = [
    "Action",
    "ActionExpression",
    "Condition",
    "Element",
    "ExpressionFailed",
    "Mistake",
    "Symbol",
    "Template",
    "Values",
    "compile_action",
    "compile_condition",
    "compile_template",
]
