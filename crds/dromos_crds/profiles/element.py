# SPDX-License-Identifier: Apache-2.0
"""One element of a profile, read field by field; what is wrong is collected, not raised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from dromos_crds import reasons
from dromos_crds.expressions import Condition, Mistake, compile_condition
from dromos_crds.profiles.attributes import pattern_problem, read
from dromos_crds.profiles.problems import ProfileProblem
from dromos_crds.profiles.rules import Codename, Selection
from dromos_crds.tags import TagPattern

FIELDS = ("name", "codename", "condition", "action", "option", "arguments", "tags", "excludedTags")
_ALWAYS = frozenset(("name", "codename", "condition"))


class ElementReader:
    """Takes values out of an element and notes what is wrong with them."""

    def __init__(self, position: int, element: Mapping[str, Any], codename: Codename) -> None:
        self.position = position
        self.codename = codename
        self.problems: list[ProfileProblem] = []
        self._element = element
        self._path = f"profileElements[{position}]"
        arguments = element.get("arguments") or {}
        self._arguments: Mapping[str, Any] = arguments if isinstance(arguments, Mapping) else {}

    @property
    def name(self) -> str:
        """The rule's name, or its codename where it has none."""
        return str(self._element.get("name") or self.codename)

    def problem(self, field: str, message: str, reason: str = reasons.INVALID) -> None:
        """Note that a field, or an argument (``arguments.days``), is wrong."""
        path = f"{self._path}.{field}" if field else self._path
        self.problems.append(ProfileProblem(path, message, reason))

    def allow(self, fields: Iterable[str], arguments: Iterable[str]) -> None:
        """Note what the codename takes no notice of: it would be thought to do something."""
        allowed = _ALWAYS | set(fields)
        for field in self._element:
            if field not in allowed and self._element[field] not in (None, "", [], {}):
                self.problem(field, f"{self.codename} takes no {field}")
        known = list(arguments)
        for argument in self._arguments:
            if argument not in known:
                near = difflib.get_close_matches(str(argument), known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known) or 'none'}"
                self.problem(f"arguments.{argument}", f"{self.codename} has no such argument; {hint}")

    def text(self, argument: str) -> str | None:
        """An argument as text; None when it is absent or empty."""
        return self.given(argument) or None

    def given(self, argument: str) -> str | None:
        """An argument as text, empty text too; None when it is absent."""
        value = self._arguments.get(argument)
        if value is None:
            return None
        return str(value).lower() if isinstance(value, bool) else str(value)

    def required(self, argument: str) -> str:
        """An argument that must be there."""
        value = self.text(argument)
        if value is None:
            self.problem(f"arguments.{argument}", f"{self.codename} needs this argument")
        return value or ""

    def value(self) -> str:
        """What is added; an empty text adds an element without a value, as type 2 allows."""
        value = self.given("value")
        if value is None:
            self.problem("arguments.value", f'{self.codename} needs this argument; "" adds an empty element')
        return value or ""

    def integer(self, argument: str, default: int | None = None) -> int:
        """A whole number; with a default it may be left out."""
        text = self.text(argument)
        if text is None:
            if default is None:
                self.problem(f"arguments.{argument}", f"{self.codename} needs this argument")
            return default or 0
        plain = text.strip()
        if not plain.removeprefix("-").isascii() or not plain.removeprefix("-").isdigit() or len(plain) > 9:
            self.problem(f"arguments.{argument}", "is no whole number")
            return 0
        return int(plain)

    def truth(self, argument: str) -> bool:
        """True or false; absent is false."""
        text = (self.text(argument) or "false").strip().lower()
        if text not in ("true", "false"):
            self.problem(f"arguments.{argument}", "is true or false")
        return text == "true"

    def tag(self, argument: str) -> int | None:
        """An argument that names one tag."""
        text = self.text(argument)
        if text is None:
            return None
        message = pattern_problem(text)
        pattern = read(text)
        if message is None and pattern is not None and not pattern.exact:
            message = "is a pattern; one tag is needed"
        if message is not None or pattern is None:
            self.problem(f"arguments.{argument}", message or "is no tag")
            return None
        return pattern.value

    def condition(self) -> Condition | None:
        """The compiled condition; None where there is none."""
        text = self._element.get("condition")
        if text is None or not str(text).strip():
            return None
        compiled = compile_condition(str(text))
        if isinstance(compiled, Mistake):
            self.problem("condition", str(compiled))
            return None
        return compiled

    def word(self, field: str, allowed: Iterable[str]) -> str:
        """A field that is one of some words."""
        known = list(allowed)
        value = self._element.get(field)
        if value is None or value == "":
            self.problem(field, f"{self.codename} needs one of {', '.join(known)}")
        elif str(value) not in known:
            near = difflib.get_close_matches(str(value), known, n=1)
            self.problem(field, f"is none of {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else ""))
        else:
            return str(value)
        return known[0]

    def selection(self, *, needed: bool = False) -> Selection:
        """The tags the rule is for."""
        tags = self._patterns("tags")
        if needed and not self._element.get("tags"):
            self.problem("tags", f"{self.codename} needs at least one tag")
        return Selection(tags, self._patterns("excludedTags"))

    def one_tag(self) -> int:
        """The only tag of a rule that adds it."""
        tags = self._element.get("tags") or []
        patterns = self._patterns("tags")
        if len(tags) != 1:
            self.problem("tags", f"{self.codename} needs exactly one tag")
        elif patterns and not patterns[0].exact:
            self.problem("tags[0]", "is a pattern; one tag is needed")
        return patterns[0].value if patterns else 0

    def _patterns(self, field: str) -> tuple[TagPattern, ...]:
        found: list[TagPattern] = []
        for index, text in enumerate(self._element.get(field) or ()):
            message = pattern_problem(text) if isinstance(text, str) else "is text; quote it"
            pattern = None if message else read(text)
            if pattern is None:
                self.problem(f"{field}[{index}]", f"{text} {message}")
            else:
                found.append(pattern)
        return tuple(found)
