# SPDX-License-Identifier: Apache-2.0
r"""Regular expressions of Java, matched against the whole text in linear time.

They run on the Rust engine inside pydantic, which cannot blow up. Where its dialect reads a construct differently from
Java's (\d, \w, \s and the letters that (?i) takes for the same are ASCII there, `a++` is possessive), the construct is
rewritten or refused, so that no condition becomes wider than it was in Karnak.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pydantic_core import SchemaError, SchemaValidator, core_schema

from dromos_crds.expressions.mistakes import Refusal

_LONGEST_TEXT = 1 << 20  # characters a pattern is matched against
_CLASSES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": r"\t\n\x0B\f\r "}
_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "XDigit": "0-9a-fA-F",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r"\t\n\x0B\f\r ",
    "Blank": r"\t ",
    "ASCII": r"\x00-\x7F",
}
_CATEGORY = re.compile(r"(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?)\Z")
_CONTROLS = {"t": 0x09, "n": 0x0A, "f": 0x0C, "r": 0x0D, "a": 0x07}
_FLAGS = re.compile(r"\(\?(?:i|s|is|si)\)")  # what a pattern may begin with
_GROUP = re.compile(r"\((?!\?)|\(\?(?P<flag>-?i)(?P<mark>[:)])|\(\?:")
_UNLIKE = ("[]", "[^]", "[:")  # Java and Rust read these differently
_QUANTIFIER = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}")
# what stands for one character
_ONE = r"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\[tnfra]|\\[^A-Za-z0-9]|[^\\\[\]]"
_CHARACTER = re.compile(_ONE, re.DOTALL)
_RANGE = re.compile(rf"({_ONE})-({_ONE})", re.DOTALL)
_OPERATORS = frozenset("^$|")
# what (?i) makes of classes of one case
_EITHER_CASE = {"Lower": "Alpha", "Upper": "Alpha", "Lu": "LC", "Ll": "LC", "Lt": "LC"}
_PROPERTY = re.compile(r"([pP])(?:\{(?:Is)?(\w+)\}|([LMNPSZ]))")
_DOT = r"[^\n\r\x{85}\x{2028}\x{2029}]"


def compile_pattern(pattern: str, offset: int) -> Callable[[str], bool]:
    """A test whether a text as a whole matches. Refusal when the pattern is not one, or not one of linear time."""
    translated = _Translation(pattern, offset).text()
    schema = core_schema.str_schema(pattern=rf"\A(?:{translated})\z", max_length=_LONGEST_TEXT)
    try:
        # alone first: a parenthesis too many would close ours, and what is behind it would match a part of the text
        SchemaValidator(core_schema.str_schema(pattern=translated))
        return SchemaValidator(schema).isinstance_python
    except SchemaError:
        raise Refusal("this is not a regular expression, or one that grows too large", offset) from None


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str, offset: int) -> None:
        self._pattern = pattern
        self._offset = offset
        flags = _FLAGS.match(pattern)
        self._at = flags.end() if flags is not None else 0
        self._inside = 0  # how many brackets are open
        self._insensitive = flags is not None and "i" in flags.group()
        self._outer: list[bool] = []  # the same of the groups around
        self._dot = "(?s:.)" if flags is not None and "s" in flags.group() else _DOT

    def text(self) -> str:
        done = []
        while self._at < len(self._pattern):
            done.append(self._step())
        return "".join(done)

    def _refuse(self, message: str) -> Refusal:
        return Refusal(f"{message} (character {self._at + 1} of the pattern)", self._offset)

    def _step(self) -> str:
        character = self._pattern[self._at]
        if character == "[":
            return self._open()
        if self._inside:
            return self._member(character)
        if character == "(":
            return self._group()
        if (quantifier := _QUANTIFIER.match(self._pattern, self._at)) is not None:
            return self._quantifier(quantifier.group())
        if character == "{":
            raise self._refuse("a number of times is written as {2}, {2,} or {2,5}; for the character write \\{")
        if character not in _OPERATORS | {".", ")"}:
            return self._character()
        self._at += 1
        if character == ")" and self._outer:
            self._insensitive = self._outer.pop()
        return self._dot if character == "." else character

    def _open(self) -> str:
        if self._pattern.startswith(_UNLIKE, self._at):
            raise self._refuse("a bracket may not be the first character inside brackets; write \\]")
        self._inside += 1
        text = "[^" if self._pattern.startswith("[^", self._at) else "["
        self._at += len(text)
        return text

    def _member(self, character: str) -> str:
        if self._pattern.startswith(("--", "~~"), self._at):
            raise self._refuse("-- and ~~ inside brackets are not available; write \\-")
        if character == "]":
            self._inside -= 1
            self._at += 1
            return character
        if self._pattern.startswith("&&", self._at):
            self._at += 2
            return "&&"
        if (match := _RANGE.match(self._pattern, self._at)) is None:
            return self._character()
        self._at = match.end()
        first, last = _code(match.group(1)), _code(match.group(2))
        if first > last:
            raise self._refuse("this range ends before it begins")
        return "".join(f"{_written(low)}-{_written(high)}" for low, high in self._alike(first, last))

    def _character(self) -> str:
        """One character, or an escape that stands for one of many."""
        match = _CHARACTER.match(self._pattern, self._at)
        if match is None:
            return self._escape()
        if match.group() == "-" and re.match(r"\\[dDwWsSpP]", self._pattern[match.end() :]):
            raise self._refuse("this range has no end; write \\-")
        self._at = match.end()
        code = _code(match.group())
        found = [_written(low) for low, _ in self._alike(code, code)]
        return "".join(found) if self._inside or len(found) == 1 else f"[{''.join(found)}]"

    def _alike(self, first: int, last: int) -> list[tuple[int, int]]:
        """A range, and what (?i) takes for the same: Java folds the letters of ASCII and no others."""
        found = [(first, last)]
        if self._insensitive:
            for low, high, other in ((0x41, 0x5A, 0x20), (0x61, 0x7A, -0x20)):
                if max(first, low) <= min(last, high):
                    found.append((max(first, low) + other, min(last, high) + other))
        return found

    def _quantifier(self, text: str) -> str:
        self._at += len(text)
        if self._pattern.startswith("+", self._at):
            raise self._refuse("possessive quantifiers such as a++ are not available")
        if self._pattern.startswith("?", self._at):
            self._at += 1
            text += "?"
        if _QUANTIFIER.match(self._pattern, self._at) is not None:
            raise self._refuse("a quantifier behind another one needs parentheses around what it repeats")
        return text

    def _group(self) -> str:
        match = _GROUP.match(self._pattern, self._at)
        if match is None:
            raise self._refuse("look-around, named and atomic groups and other flags are not available")
        self._at = match.end()
        if match["mark"] != ")":
            self._outer.append(self._insensitive)
        if match["flag"] is not None:
            self._insensitive = match["flag"] == "i"
        return "" if match["mark"] == ")" else "(?:"

    def _escape(self) -> str:
        self._at += 1
        rest = self._pattern[self._at :]
        letter = rest[:1]
        if letter.lower() in _CLASSES and letter:
            self._at += 1
            return f"[{'^' if letter.isupper() else ''}{_CLASSES[letter.lower()]}]"
        if letter == "b" and not self._inside:
            self._at += 1
            return r"(?-u:\b)"
        if (match := _PROPERTY.match(rest)) is not None:
            return self._property(match)
        if letter.isdigit() or letter == "k":
            raise self._refuse("back-references are not available")
        raise self._refuse(f"the escape \\{letter} is not available")

    def _property(self, match: re.Match[str]) -> str:
        name = match.group(2) or match.group(3)
        self._at += match.end()
        if self._insensitive:
            name = _EITHER_CASE.get(name, name)
        negated = "^" if match.group(1) == "P" else ""
        if name in _POSIX:
            return f"[{negated}{_POSIX[name]}]"
        if _CATEGORY.match(name):
            return rf"\{match.group(1)}{{{name}}}"
        if name == "LC":
            return rf"[{negated}\p{{Lu}}\p{{Ll}}\p{{Lt}}]"
        raise self._refuse(f"the class \\p{{{name}}} is not available")


def _code(text: str) -> int:
    """The code point that a character or an escape of one stands for."""
    if not text.startswith("\\"):
        return ord(text)
    kind, digits = text[1], text[2:]
    return int(digits, 16) if digits else _CONTROLS.get(kind, ord(kind))


def _written(code: int) -> str:
    return rf"\x{{{code:X}}}"
