# SPDX-License-Identifier: Apache-2.0
"""Tags as people write them: (0010,0020), 0010,0020, 00100020 or PatientID; X stands for any hexadecimal digit.

The notations are Karnak's, which drops every parenthesis and comma wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dromos_crds.dictionary import tags_by_keyword

_MARKS = str.maketrans("", "", "(),")
_DIGITS = frozenset("0123456789ABCDEF")


@dataclass(frozen=True, slots=True)
class TagPattern:
    """A tag, or all tags that agree with it where `mask` has ones."""

    text: str  # as it was written
    value: int
    mask: int = 0xFFFFFFFF

    @property
    def exact(self) -> bool:
        """It stands for one tag only."""
        return self.mask == 0xFFFFFFFF

    def matches(self, tag: int) -> bool:
        """The tag is one of those meant."""
        return tag & self.mask == self.value


def canonical(text: str) -> str:
    """A tag, a pattern or a path of them, without marks and in lower case: how two are compared."""
    return text.translate(_MARKS).lower()


def parse_pattern(text: str) -> TagPattern | None:
    """A tag or a pattern; None when the text is neither."""
    digits = canonical(text).upper()
    if len(digits) != 8 or not _DIGITS.issuperset(digits.replace("X", "")):
        return None
    mask = int("".join("0" if digit == "X" else "F" for digit in digits), 16)
    return TagPattern(text, int(digits.replace("X", "0"), 16), mask)


def parse_tag(text: str) -> int | None:
    """The one tag that a text or a keyword of the standard names; None when there is none."""
    pattern = parse_pattern(text)
    if pattern is None:
        return tags_by_keyword().get(text)
    return pattern.value if pattern.exact else None


def first_match(patterns: Iterable[TagPattern], tag: int) -> TagPattern | None:
    """Which of a rule's tags an element is under: an exact one goes before all patterns."""
    found: TagPattern | None = None
    for pattern in patterns:
        if pattern.matches(tag):
            if pattern.exact:
                return pattern
            found = found or pattern
    return found


def format_tag(tag: int) -> str:
    """(GGGG,EEEE)."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def format_path(nesting: Sequence[int], tag: int) -> str:
    """Where an element stands: the sequences it is in from the outside, then the element itself."""
    return ":".join([*(f"{outer:08X}" for outer in nesting), format_tag(tag)])
