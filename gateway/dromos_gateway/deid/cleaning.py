# SPDX-License-Identifier: Apache-2.0
"""Cleaning texts: words that radiology uses stay, everything else goes (PS3.15 E.3.4 to E.3.6).

A list of what may stay is safer than one of what must go: a name that nobody thought of is on neither. Words that
identify somebody in the same instance go even if the list has them: there are patients called Brown or Hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]|_|\s+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_MARKS = frozenset("+-/.,:;()%<>=*&#")
_SHORT_NUMBER = 3  # digits; longer ones are dates, record and telephone numbers
_NUMBERS = re.compile(r"\d+(?:[^\w]*\d+)+")  # one after the other, with nothing but marks between them


@cache
def vocabulary() -> frozenset[str]:
    """Words that may stay, in lower case; made by hack/vocabulary.py from the standard's own terms."""
    text = (files("dromos_gateway.deid") / "vocabulary.txt").read_text(encoding="ascii")
    return frozenset(text.split())


def words_of(texts: Iterable[str | None]) -> frozenset[str]:
    """The words of names, identifiers and the like, in lower case."""
    return frozenset(word.lower() for text in texts if text for word in _LETTERS.findall(text))


def cleaned(text: str, identifying: frozenset[str]) -> str:
    """The text without what may identify; perhaps empty."""
    kept = [part for part in _WORD.findall(_NUMBERS.sub(_short, text)) if _may_stay(part, identifying)]
    return " ".join("".join(kept).split())


def _short(numbers: re.Match[str]) -> str:
    """Numbers that have few digits together: 03/05/62 and 555-123-456 are written in short groups only."""
    digits = sum(character.isdigit() for character in numbers[0])
    return numbers[0] if digits <= _SHORT_NUMBER else " "


def _may_stay(part: str, identifying: frozenset[str]) -> bool:
    if part[0].isdigit():
        return part.isascii() and len(part.replace(".", "")) <= _SHORT_NUMBER
    if part.isspace() or part in _MARKS:
        return True
    word = part.lower()
    return word in vocabulary() and word not in identifying
