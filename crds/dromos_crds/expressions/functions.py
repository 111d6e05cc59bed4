# SPDX-License-Identifier: Apache-2.0
"""What the words of the language do. Each gets the evaluation it is part of, and raises ExpressionFailed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dromos_crds.additions import ill_formed, misfit
from dromos_crds.expressions.age import patient_age
from dromos_crds.expressions.mistakes import ExpressionFailed
from dromos_crds.expressions.values import Action, Element, Symbol, Values
from dromos_crds.tags import format_tag

_LONGEST = 1 << 20  # characters of any text that an expression makes
_LAST_TAG = 0xFFFFFFFF
_JAVA_BLANKS = "".join(map(chr, range(33)))  # what String.trim takes off
_NO_JAVA_BLANKS = frozenset("\x85\xa0\u2007\u202f")  # white space to Python and not to Java
_JAVA = "utf-16-le"
_ACTION_KEY = "\x00action:"


@dataclass(slots=True)
class Evaluation:
    """One run of an expression: what it reads, and what went wrong."""

    values: Values
    patterns: Sequence[Callable[[str], bool]] = ()
    failure: Exception | None = None
    actions: list[Action] = field(default_factory=list)

    def act(self, action: Action) -> str:
        """CEL has no type for actions: it hands a mark around."""
        self.actions.append(action)
        return f"{_ACTION_KEY}{len(self.actions) - 1}"

    def action(self, mark: str) -> Action:
        """The action behind a mark."""
        return self.actions[int(mark.removeprefix(_ACTION_KEY))]


def _known(_: Evaluation, value: str | None) -> str:
    if value is None:
        raise ExpressionFailed("a value is null where one is needed; test it with == null first")
    return value


def _reckoned(_: Evaluation, tag: int | None) -> int:
    if tag is None or not 0 <= tag <= _LAST_TAG:
        raise ExpressionFailed("a tag that is reckoned is none")
    return tag


def _bounded(text: str) -> str:
    if len(text) > _LONGEST:
        raise ExpressionFailed(f"a text grows beyond {_LONGEST} characters")
    return text


def _joined(run: Evaluation, parts: Sequence[str | int | None]) -> str:
    texts = [_written(part) if isinstance(part, int) else _known(run, part) for part in parts]
    if sum(map(len, texts)) > _LONGEST:
        raise ExpressionFailed(f"a text grows beyond {_LONGEST} characters")
    return "".join(texts)


def _written(part: int) -> str:
    return ("true" if part else "false") if isinstance(part, bool) else str(part)


def _substring(run: Evaluation, text: str, begin: int, end: int | None = None) -> str:
    size = _length(run, text)
    last = size if end is None else end
    if not 0 <= begin <= last <= size:
        raise ExpressionFailed("substring goes beyond the text; test its length() first")
    if size == len(text):
        return text[begin:last]
    try:
        return text.encode(_JAVA)[begin * 2 : last * 2].decode(_JAVA)
    except UnicodeDecodeError:
        raise ExpressionFailed("substring cuts a character in two that Java counts as two") from None


def _length(_: Evaluation, text: str) -> int:
    """In UTF-16, as Java counts: what lies beyond U+FFFF, such as an emoji, is two."""
    return len(text) + (0 if text.isascii() else sum(character > "\uffff" for character in text))


def _index(run: Evaluation, text: str, part: str, begin: int = 0) -> int:
    begin, size = max(0, begin), _length(run, text)
    if size != len(text):  # where Java's position is among our characters
        before = text.encode(_JAVA)[: begin * 2].decode(_JAVA, "ignore")
        begin = len(before) + (_length(run, before) < min(begin, size))
    return _position(run, text, text.find(part, begin))


def _position(run: Evaluation, text: str, found: int) -> int:
    return found if found < 0 else _length(run, text[:found])


def _replace(_: Evaluation, text: str, old: str, new: str) -> str:
    times = text.count(old)
    if len(text) + times * (len(new) - len(old)) > _LONGEST:
        raise ExpressionFailed(f"a text grows beyond {_LONGEST} characters")
    return text.replace(old, new)


def _same_letters(_: Evaluation, text: str, other: str | None) -> bool:
    """As Java does it: character by character, so that no letter is the same as two."""
    return (
        other is not None
        and len(text) == len(other)
        and all(
            one == two or one.upper() == two.upper() or one.lower() == two.lower()
            for one, two in zip(text, other, strict=True)
        )
    )


def _value_is(run: Evaluation, tag: int, value: str) -> bool:
    return run.values.text(tag) == value


def _value_contains(run: Evaluation, tag: int, value: str) -> bool:
    return (found := run.values.text(tag)) is not None and value in found


def _value_begins(run: Evaluation, tag: int, value: str) -> bool:
    return (found := run.values.text(tag)) is not None and found.startswith(value)


def _value_ends(run: Evaluation, tag: int, value: str) -> bool:
    return (found := run.values.text(tag)) is not None and found.endswith(value)


def _has_value(run: Evaluation, tag: int) -> bool:
    return run.values.has_value(tag)


def _anywhere(run: Evaluation, tag: int) -> bool:
    return run.values.present(tag)


def _compute_age(run: Evaluation) -> str:
    return run.act(Action(Symbol.REPLACE, patient_age(run.values)))


def _add(run: Evaluation, tag: int, vr: str, value: str | None) -> str:
    problem = misfit(tag, vr) or ill_formed(vr, value or "")
    if problem is not None:
        raise ExpressionFailed(f"Add: {format_tag(tag)} {problem}")
    return run.act(Action(Symbol.ADD, value, Element(tag, vr)))


Implementation = Callable[..., object]
TEXTS: Mapping[str, Implementation] = {
    "known": _known,
    "reckoned": _reckoned,
    "joined": _joined,
    "total": lambda _, numbers: sum(numbers),
    "difference": lambda _, left, right: left - right,
    "matching": lambda run, text, number: run.patterns[number](text),
    "startsWith": lambda _, text, part: text.startswith(part),
    "endsWith": lambda _, text, part: text.endswith(part),
    "contains": lambda _, text, part: part in text,
    "substring": _substring,
    "indexOf": _index,
    "lastIndexOf": lambda run, text, part: _position(run, text, text.rfind(part)),
    "concat": lambda run, text, other: _joined(run, (text, other)),
    "length": _length,
    "trim": lambda _, text: text.strip(_JAVA_BLANKS),
    "toUpperCase": lambda _, text: _bounded(text.upper()),
    "toLowerCase": lambda _, text: _bounded(text.lower()),
    "replace": _replace,
    "equals": lambda _, text, other: text == other,
    "equalsIgnoreCase": _same_letters,
    "isEmpty": lambda _, text: not text,
    "isBlank": lambda _, text: not text.strip() and _NO_JAVA_BLANKS.isdisjoint(text),
}
CONDITION: Mapping[str, Implementation] = {
    **TEXTS,
    "tagValueIsPresent": _value_is,
    "tagValueContains": _value_contains,
    "tagValueBeginsWith": _value_begins,
    "tagValueEndsWith": _value_ends,
    "tagIsPresent": _has_value,
}
ACTION: Mapping[str, Implementation] = {
    **TEXTS,
    "getString": lambda run, tag: run.values.text(tag),
    "tagIsPresent": _anywhere,
    "Keep": lambda run: run.act(Action(Symbol.KEEP)),
    "Remove": lambda run: run.act(Action(Symbol.REMOVE)),
    "Replace": lambda run, text: run.act(Action(Symbol.REPLACE, text)),
    "ReplaceNull": lambda run: run.act(Action(Symbol.EMPTY)),
    "UID": lambda run: run.act(Action(Symbol.UID)),
    "ComputePatientAge": _compute_age,
    "ExcludeInstance": lambda run: run.act(Action(Symbol.EXCLUDE)),
    "Add": _add,
}
