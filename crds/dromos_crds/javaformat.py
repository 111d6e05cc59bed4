# SPDX-License-Identifier: Apache-2.0
"""Java's format strings (java.util.Formatter), as far as texts go: what `String.format` takes when it is given texts.

%s, %.30s, %20s, %-20s, %2$s, %<s; %S in upper case; %b, which is "true" for any text; %h, its hash code; %% and %n.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dromos_crds.expressions.mistakes import Mistake

_SPECIFIER = re.compile(
    r"%(?:(?P<index>[1-9][0-9]{0,3})\$|(?P<again><))?(?P<left>-)?(?P<width>[1-9][0-9]{0,3})?(?:\.(?P<most>[0-9]{1,4}))?(?P<kind>[sSbBhH%n])"
)
_WIDEST = 1000


@dataclass(frozen=True, slots=True)
class _Place:
    index: int  # of the value
    width: int
    most: int | None
    left: bool
    kind: str

    def fill(self, values: Sequence[str]) -> str:
        text = _converted(self.kind.lower(), values[self.index])[: self.most]
        text = text.upper() if self.kind.isupper() else text
        return text.ljust(self.width) if self.left else text.rjust(self.width)


@dataclass(frozen=True, slots=True)
class JavaFormat:
    """A compiled format string."""

    parts: tuple[str | _Place, ...]

    def format(self, values: Sequence[str]) -> str:
        """The text, with as many values as it was compiled for."""
        return "".join(part if isinstance(part, str) else part.fill(values) for part in self.parts)


def compile_format(pattern: str, values: int) -> JavaFormat | Mistake:
    """Compile a pattern that gets so many values, or say what is wrong with it."""
    parts: list[str | _Place] = []
    at = following = 0
    last: int | None = None
    while (percent := pattern.find("%", at)) >= 0:
        match = _SPECIFIER.match(pattern, percent)
        if match is None:
            return _mistake(
                pattern, percent, "write %s, %.30s, %20s, %2$s, %n or %% here; of texts there is nothing else to show"
            )
        parts.append(pattern[at:percent])
        at = match.end()
        width = int(match["width"] or 0)
        if match["left"] and not match["width"]:
            return _mistake(pattern, percent, "%- needs a width, such as %-20s")
        if width > _WIDEST:
            return _mistake(pattern, percent, f"a width is {_WIDEST} at most")
        if match["kind"] in "%n":
            if match["again"] or match["most"] or (match["kind"] == "n" and width):
                return _mistake(
                    pattern, percent, "%% and %n are no values: they take no < and no precision, %n no width"
                )
            parts.append("\n" if match["kind"] == "n" else "%".ljust(width) if match["left"] else "%".rjust(width))
            continue
        if match["again"] and last is None:
            return _mistake(pattern, percent, "%<s repeats a value, and none comes before it")
        index = last if match["again"] and last is not None else int(match["index"] or following + 1) - 1
        following += not (match["index"] or match["again"])
        if index >= values:
            return _mistake(pattern, percent, f"there is no value {index + 1}; subjectValues has {values}")
        last = index
        most = int(match["most"]) if match["most"] else None
        parts.append(_Place(index, width, most, bool(match["left"]), match["kind"]))
    parts.append(pattern[at:])
    return JavaFormat(tuple(part for part in parts if part != ""))


def _converted(kind: str, text: str) -> str:
    if kind == "b":
        return "true"  # all but null and false is
    return f"{_hash_code(text):x}" if kind == "h" else text


def _hash_code(text: str) -> int:
    """Java's `String.hashCode`."""
    units, result = text.encode("utf-16-le", "surrogatepass"), 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        result = (31 * result + (high << 8 | low)) & 0xFFFFFFFF
    return result


def _mistake(pattern: str, offset: int, message: str) -> Mistake:
    before = pattern[:offset]
    return Mistake(message, before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
