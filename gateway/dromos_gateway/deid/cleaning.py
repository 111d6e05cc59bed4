# SPDX-License-Identifier: Apache-2.0
"""Cleaning texts: words that radiology uses stay, everything else goes (PS3.15 E.3.4 to E.3.6).

A list of what may stay is safer than one of what must go: a name that nobody thought of is on neither. Words and
numbers that identify somebody in the same instance go even so: there are patients called Brown or Hand, and some
have the number 815. Numbers go by how many digits there are until something is said: 03/05/62, 079_123_45 and
12 and 345 are written in short groups only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

_PART = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number>\d+(?:\.\d+)?)|(?P<mark>[^\w\s])|(?P<gap>_|\s+)")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
_MARKS: Final = frozenset("+-/.,:;()%<>=*&#")
_SHORT_NUMBER: Final = 3  # digits; longer ones are dates, record and telephone numbers
_SHORT_WORD: Final = 3  # letters: shorter ones say something only in names
_BETWEEN: Final = "\\"  # values of one attribute
# of the vocabulary, what stands between the parts of a date or a number and says nothing about them
_JOINING: Final = frozenset(
    "and at by ed first for from may no not of oct on one or second sept st the third to two with zero".split()  # noqa: SIM905
)
# how their names begin
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Identifying:
    """Words in lower case, and numbers without leading zeros, that identify somebody in one instance."""

    words: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def identifying(names: Iterable[str], others: Iterable[str]) -> Identifying:
    """What identifies in people's names, of which every word counts, and in other texts, of which the longer ones do.

    A single digit tells nobody from anybody.
    """
    plain = [[_plain(text) for text in texts] for texts in (names, others)]
    words = {word for text in plain[0] for word in _LETTERS.findall(text)}
    words |= {word for text in plain[1] for word in _LETTERS.findall(text) if len(word) >= _SHORT_WORD}
    numbers = {_number(digits) for texts in plain for text in texts for digits in _DIGITS.findall(text)}
    return Identifying(frozenset(words), frozenset(number for number in numbers if len(number) > 1))


@cache
def vocabulary() -> frozenset[str]:
    """Words that may stay, in lower case; made by hack/vocabulary.py from the standard's own terms."""
    text = (files("dromos_gateway.deid") / "vocabulary.txt").read_text(encoding="ascii")
    return frozenset(text.split())


def cleaned(text: str, known: Identifying) -> str:
    """The text, of one value or several, without what may identify; perhaps empty."""
    parts = [(match.lastgroup or "", match[0]) for match in _PART.finditer(text)]
    going = {at for stretch in _stretches(parts, known) for at in _telling(parts, stretch, known)}
    left = "".join(
        " " if at in going or not _may_stay(kind, part, known) else part for at, (kind, part) in enumerate(parts)
    )
    values = [" ".join(value.split()) for value in left.split(_BETWEEN)]
    return _BETWEEN.join(values) if any(values) else ""


def _may_stay(kind: str, part: str, known: Identifying) -> bool:
    if kind == "mark":
        return part in _MARKS or part == _BETWEEN
    if kind == "word":
        word = part.lower()
        return word in vocabulary() and word not in known.words
    return kind == "number"  # by itself: numbers that tell something are gone already


def _stretches(parts: list[tuple[str, str]], known: Identifying) -> Iterator[range]:
    """Where nothing is said between the words that say something."""
    begun = 0
    for at, (kind, part) in enumerate(parts):
        if kind == "word" and part.lower() not in _JOINING and _may_stay(kind, part, known):
            yield range(begun, at)
            begun = at + 1
    yield range(begun, len(parts))


def _telling(parts: list[tuple[str, str]], stretch: range, known: Identifying) -> Iterator[int]:
    """The numbers of a stretch, and the marks between them, if together they may tell something.

    That is if they have too many digits, if one of them is known to be somebody's, if a month is with them, or a word
    that nobody knows is between them.
    """
    at = [number for number in stretch if parts[number][0] == "number"]
    if not at:
        return
    groups = [group for number in at for group in _DIGITS.findall(parts[number][1])]
    words = {number: parts[number][1].lower() for number in stretch if parts[number][0] == "word"}
    if (
        sum(map(len, groups)) > _SHORT_NUMBER
        or not all(map(str.isascii, groups))
        or any(_number(group) in known.numbers for group in groups)
        or any(word.startswith(_MONTHS) for word in words.values())
        or (
            any(len(group) > 1 for group in groups)  # a year, a day, a house
            and any(word not in _JOINING for number, word in words.items() if at[0] < number < at[-1])
        )
    ):
        yield from (number for number in range(at[0], at[-1] + 1) if parts[number][0] in ("mark", "number")
                    and parts[number][1] != _BETWEEN)  # fmt: skip
        yield from (number for number, word in words.items() if word.startswith(_MONTHS))


def _number(digits: str) -> str:
    return digits.lstrip("0")


def _plain(text: str) -> str:
    """In lower case, without accents, full-width letters as usual ones: as it may be written elsewhere."""
    if text.isascii():
        return text.lower()
    split = unicodedata.normalize("NFKD", text)
    return "".join(character for character in split if not unicodedata.combining(character)).lower()
