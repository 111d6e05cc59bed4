# SPDX-License-Identifier: Apache-2.0
"""Templates: text in which each ``{{ }}`` is an expression."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from dromos_crds.expressions import functions, vocabulary
from dromos_crds.expressions.mistakes import Mistake, Refusal
from dromos_crds.expressions.program import Program
from dromos_crds.expressions.values import Element, Values
from dromos_crds.expressions.vocabulary import Kind

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_MOST = 64  # placeholders of one template


def unchanged(value: str) -> str:
    """The encoding that leaves a value as it is."""
    return value


class Template:
    """A compiled template."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str, parts: tuple[str | Program, ...]) -> None:
        self.text = text
        self._parts = parts

    def render(
        self, values: Values, *, encode: Callable[[str], str] = unchanged, element: Element | None = None
    ) -> str:
        """The text with each placeholder's value, null as empty text. ExpressionFailed when one cannot be had.

        ``encode`` makes each value fit where it stands: percent-encoding in a URL, escaping in a JSON text.
        """
        return "".join(
            part if isinstance(part, str) else encode(_said(part.run(values, element)[0])) for part in self._parts
        )

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


@lru_cache(maxsize=1024)
def compile_template(text: str, *, of_element: bool = False) -> Template | Mistake:
    """Compile a template, or say what is wrong with it; `of_element` gives it tag, vr and stringValue."""
    words = vocabulary.ELEMENT_TEMPLATE if of_element else vocabulary.TEMPLATE
    parts: list[str | Program] = []
    end = 0
    try:
        for match in _PLACEHOLDER.finditer(text):
            parts += [_literal(text, end, match.start()), _placeholder(match, words)]
            end = match.end()
            if len(parts) > 2 * _MOST:
                raise Refusal(f"a template has at most {_MOST} placeholders", match.start())
        parts.append(_literal(text, end, len(text)))
    except Refusal as refusal:
        return refusal.in_text(text)
    return Template(text, tuple(part for part in parts if part != ""))


def _literal(text: str, start: int, end: int) -> str:
    opened = text.find("{{", start, end)
    if opened >= 0:
        raise Refusal("this {{ has no }} that closes it", opened)
    return text[start:end]


def _placeholder(match: re.Match[str], words: vocabulary.Vocabulary) -> Program:
    try:
        program = Program(match.group(1), words, functions.ACTION)
        if program.type.kind not in (Kind.TEXT, Kind.NUMBER, Kind.TRUTH, Kind.NULL):
            raise Refusal(f"{program.type.kind} cannot stand in a text", 0)
    except Refusal as refusal:
        raise Refusal(refusal.message, match.start(1) + refusal.offset) from None
    return program


def _said(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
