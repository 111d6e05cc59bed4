# SPDX-License-Identifier: Apache-2.0
"""Text into tokens. Literals are those of Spring's expression language: a quote is doubled, a backslash is itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from dromos_crds.expressions.mistakes import Refusal

LONGEST = 4096  # characters of an expression, as in the CRD


class Token(Enum):
    """What a piece of text is."""

    NAME = auto()
    NUMBER = auto()
    TEXT = auto()
    MARK = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A token with its text (of a literal: its value) and the offset where it starts."""

    token: Token
    text: str
    offset: int


_PIECE = re.compile(
    r"""(?P<space>\s+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>0[xX][0-9A-Fa-f]+ | [0-9]+)
      | (?P<text>'(?:[^']|'')*' | "(?:[^"]|"")*")
      | (?P<mark>&&|\|\||==|!=|<=|>=|\?:|\?\.|[-+!<>?:(),.#])""",
    re.VERBOSE,
)
# The words that Spring knows for its operators, in any case.
_WORDS = {"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ELSEWHERE = {
    "&": "write && or and",
    "|": "write || or or",
    "=": "write == to compare",
    "{": "lists are not part of the language",
    "[": "an index is not part of the language",
    "@": "Java beans are out of reach",
    **dict.fromkeys("‘’“”„«»`´", "write straight quotes, ' or \""),  # noqa: RUF001 - what word processors make of them
}


def tokens(text: str) -> Iterator[Piece]:
    """The pieces of an expression and an END. Refusal where there is none."""
    if len(text) > LONGEST:
        raise Refusal(f"an expression has at most {LONGEST} characters; this one has {len(text)}", LONGEST)
    offset, before = 0, ""
    while offset < len(text):
        match = _PIECE.match(text, offset)
        if match is None:
            raise Refusal(_unreadable(text[offset]), offset)
        if match.lastgroup != "space":
            yield _piece(match, named=before == ".")
            before = match.group()
        offset = match.end()
    yield Piece(Token.END, "", offset)


def _piece(match: re.Match[str], *, named: bool) -> Piece:
    """`named`: behind a dot, where LT is a VR and no operator."""
    found, offset = match.group(), match.start()
    if match.lastgroup == "text":
        quote = found[0]
        return Piece(Token.TEXT, found[1:-1].replace(quote * 2, quote), offset)
    if match.lastgroup == "name" and not named and found.lower() in _WORDS:
        return Piece(Token.MARK, _WORDS[found.lower()], offset)
    return Piece(Token[str(match.lastgroup).upper()], found, offset)


def _unreadable(character: str) -> str:
    if character in "'\"":
        return f"the text that starts here has no closing {character}"
    hint = _ELSEWHERE.get(character)
    return f"{character!r} is not understood" + (f"; {hint}" if hint else "")
