# SPDX-License-Identifier: Apache-2.0
"""A tree into CEL, with every type checked on the way: what is translated cannot fail for its types.

What only an evaluation can show (null where a text is needed, a position beyond the end) fails inside our own
functions, which keep the failure: CEL's `||` would forget it when its other side is true.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dromos_crds import additions, dictionary, tags
from dromos_crds.expressions.mistakes import Refusal
from dromos_crds.expressions.patterns import compile_pattern
from dromos_crds.expressions.syntax import (
    Call,
    Chain,
    Choice,
    Constant,
    Node,
    Number,
    Property,
    Text,
    Unary,
    Variable,
)
from dromos_crds.expressions.vocabulary import METHODS, VRS, Function, Kind, Type, Vocabulary

_LONGEST = 64  # characters of a word in a message
_ADDED, _JOINED = (Kind.NUMBER,), (Kind.TEXT, Kind.NUMBER, Kind.TRUTH, Kind.NULL)
_TRUTH, _NULL = Type(Kind.TRUTH), Type(Kind.NULL, nullable=True)


@dataclass(slots=True)
class Translation:
    """CEL and what it needs at run time: the functions it calls, the properties it reads, the patterns it matches.

    `tags` are those that it names; None where one is reckoned.
    """

    cel: str = ""
    type: Type = _NULL
    functions: set[str] = field(default_factory=set)
    properties: set[str] = field(default_factory=set)
    patterns: list[Callable[[str], bool]] = field(default_factory=list)
    tags: set[int] | None = field(default_factory=set)


def translate(node: Node, vocabulary: Vocabulary) -> Translation:
    """The CEL of a tree. Refusal where a word is unknown or a type is wrong."""
    result = Translation()
    result.cel, result.type = _Translator(vocabulary, result).visit(node)
    return result


Said = tuple[str, Type]


class _Translator:
    def __init__(self, vocabulary: Vocabulary, result: Translation) -> None:
        self._vocabulary = vocabulary
        self._result = result

    def visit(self, node: Node) -> Said:
        match node:
            case Text(value):
                return json.dumps(value, ensure_ascii=False), Type(Kind.TEXT)
            case Number(value):
                return str(value), Type(Kind.NUMBER)
            case Constant(value):
                return json.dumps(value), _NULL if value is None else _TRUTH
            case Variable():
                return self._variable(node)
            case Property():
                return self._property(node)
            case Call():
                return self._method(node) if node.receiver is not None else self._function(node)
            case Unary():
                return self._unary(node)
            case Chain():
                return self._chain(node)
            case Choice():
                return self._choice(node)

    def _need(self, node: Node, kind: Kind, *, nullable: bool = False) -> str:
        """CEL of exactly this kind; a null that is possible and not wanted is caught when it turns up."""
        said, found = self.visit(node)
        if found.kind is Kind.NULL and nullable:
            return said
        if found.kind is not kind:
            raise Refusal(_unfit(kind, found.kind), node.offset)
        return said if nullable or not found.nullable else self._call("known", said)

    def _call(self, name: str, *arguments: str) -> str:
        self._result.functions.add(name)
        return f"{name}({', '.join(arguments)})"

    def _variable(self, node: Variable) -> Said:
        if node.space == "Tag":
            tag = dictionary.tags_by_keyword().get(node.name)
            if tag is None:
                raise Refusal(
                    f"the standard has no attribute {_cut(node.name)}{_meant(dictionary.nearest_keyword(node.name))}",
                    node.name_offset,
                )
            return str(tag), Type(Kind.NUMBER)
        if node.space == "VR":
            if node.name not in VRS:
                raise Refusal(f"there is no VR {_cut(node.name)}{_near(node.name, VRS)}", node.name_offset)
            return f'"{node.name}"', Type(Kind.VR)
        raise Refusal(f"#{_cut(node.space)} is unknown; there are #Tag.Keyword and #VR.XX", node.offset)

    def _property(self, node: Property) -> Said:
        kind = self._vocabulary.properties.get(node.name)
        if kind is None:
            if node.name in self._vocabulary.functions:
                raise Refusal(f"{node.name} is a function; call it with ()", node.offset)
            known = (*self._vocabulary.properties, *self._vocabulary.functions)
            raise Refusal(
                f"{_cut(node.name)} means nothing in {self._vocabulary.name}{_near(node.name, known)}", node.offset
            )
        self._result.properties.add(node.name)
        return node.name, kind

    def _function(self, node: Call) -> Said:
        function = self._vocabulary.functions.get(node.name)
        if function is None:
            hint = _near(node.name, self._vocabulary.functions)
            raise Refusal(f"{self._vocabulary.name} has no function {_cut(node.name)}{hint}", node.offset)
        arguments = self._arguments(node, function)
        if node.name == "Add":
            self._fits(node, *arguments[:2])
        return self._call(node.name, *arguments), function.result

    def _fits(self, node: Call, tag: str, vr: str) -> None:
        """What is written out is checked here, what is reckoned when it is known."""
        if tag.isdigit() and vr.startswith('"'):
            problem = additions.misfit(int(tag), vr.strip('"'))
            if problem is not None:
                raise Refusal(f"{tags.format_tag(int(tag))} {problem}", node.offset)

    def _method(self, node: Call) -> Said:
        assert node.receiver is not None  # noqa: S101 - only methods come here
        receiver = self._need(node.receiver, Kind.TEXT)
        function = METHODS.get(node.name)
        if function is None:
            raise Refusal(f"a text has no method {_cut(node.name)} here{_near(node.name, METHODS)}", node.offset)
        if node.name == "matches":
            return self._matches(node, receiver)
        return self._call(node.name, receiver, *self._arguments(node, function)), function.result

    def _arguments(self, node: Call, function: Function) -> list[str]:
        if not function.takes(len(node.arguments)):
            least, most = len(function.parameters) - function.optional, len(function.parameters)
            wanted = str(most) if least == most else f"{least} or {most}"
            raise Refusal(
                f"{node.name} takes {wanted} argument{'s' * (most != 1)}, not {len(node.arguments)}", node.offset
            )
        return [
            self._named(argument) if kind is Kind.TAG else self._need(argument, kind, nullable=function.nullable)
            for argument, kind in zip(node.arguments, function.parameters, strict=False)
        ]

    def _named(self, node: Node) -> str:
        said = self._tag(node)
        if not said.isdigit():
            self._result.tags = None
            return said if isinstance(node, Property) else self._call("reckoned", said)
        if self._result.tags is not None:
            self._result.tags.add(int(said))
        return said

    def _tag(self, node: Node) -> str:
        if isinstance(node, Text):
            tag = tags.parse_tag(node.value)
            if tag is None:
                hint = _meant(dictionary.nearest_keyword(node.value))
                raise Refusal(f"this text names no tag, as (0010,0020) or 00100020 do{hint}", node.offset)
            return str(tag)
        if isinstance(node, Number):
            if node.written.startswith("0") and node.value > 0 and node.written[:2] not in ("0x", "0X"):
                raise Refusal(f"{node.written} is read as a decimal number; quote the tag", node.offset)
            if node.value > 0xFFFFFFFF:
                raise Refusal("a tag has eight hexadecimal digits", node.offset)
        if isinstance(node, Unary) and node.operator == "-":
            raise Refusal("a tag has no sign; write it as (0010,0020) or #Tag.Keyword", node.offset)
        said, found = self.visit(node)
        if found.kind is not Kind.NUMBER:
            raise Refusal(_unfit(Kind.TAG, found.kind), node.offset)
        return said

    def _matches(self, node: Call, receiver: str) -> Said:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Text):
            raise Refusal("matches takes one regular expression, written out as a text", node.offset)
        self._result.patterns.append(compile_pattern(node.arguments[0].value, node.arguments[0].offset))
        return self._call("matching", receiver, str(len(self._result.patterns) - 1)), _TRUTH

    def _unary(self, node: Unary) -> Said:
        if node.operator == "!":
            return f"!{self._need(node.operand, Kind.TRUTH)}", _TRUTH
        return self._call("difference", "0", self._need(node.operand, Kind.NUMBER)), Type(Kind.NUMBER)

    def _chain(self, node: Chain) -> Said:
        if node.operator in ("&&", "||"):
            terms = [self._need(operand, Kind.TRUTH) for operand in node.operands]
            return f"({f' {node.operator} '.join(terms)})", _TRUTH
        return self._sum(node) if node.operator in ("+", "-") else self._comparison(node)

    def _sum(self, node: Chain) -> Said:
        said = [(operand, *self.visit(operand)) for operand in node.operands]
        # from the left, as in Java: numbers are added up until a text comes, and what follows is joined to it
        text = next((n for n, (_, _, found) in enumerate(said) if found.kind is Kind.TEXT), len(said))
        joins = node.operator == "+" and text < len(said)
        for n, (operand, _, found) in enumerate(said):
            if joins and found.kind not in (_ADDED if n < text and text > 1 else _JOINED):
                raise Refusal(_unfit(Kind.TEXT, found.kind), operand.offset)
            if not joins and found.kind is not Kind.NUMBER:
                raise Refusal(f"{node.operator} joins texts or numbers, not {found.kind}", operand.offset)
        parts = ['"null"' if found.kind is Kind.NULL else self._summand(part, found) for _, part, found in said]
        if node.operator == "-":
            return self._call("difference", *parts), Type(Kind.NUMBER)
        if not joins:
            return self._call("total", f"[{', '.join(parts)}]"), Type(Kind.NUMBER)
        if text > 1:
            parts[:text] = [self._call("total", f"[{', '.join(parts[:text])}]")]
        return self._call("joined", f"[{', '.join(parts)}]"), Type(Kind.TEXT)

    def _comparison(self, node: Chain) -> Said:
        left, right = node.operands
        (said, first), (other, second) = self.visit(left), self.visit(right)
        if Kind.ACTION in (first.kind, second.kind):
            raise Refusal("actions cannot be compared", node.offset)
        if node.operator in ("==", "!="):
            if first.kind is not second.kind and Kind.NULL not in (first.kind, second.kind):
                raise Refusal(f"{first.kind} never equals {second.kind}", node.offset)
            return f"({said} {node.operator} {other})", _TRUTH
        if first.kind is not second.kind or first.kind not in (Kind.TEXT, Kind.NUMBER):
            raise Refusal(f"{node.operator} compares two texts or two numbers", node.offset)
        return f"({self._known(said, first)} {node.operator} {self._known(other, second)})", _TRUTH

    def _summand(self, said: str, found: Type) -> str:
        return self._known(said, found) if found.kind is Kind.NUMBER else said  # texts are looked at as they are joined

    def _known(self, said: str, found: Type) -> str:
        return self._call("known", said) if found.nullable else said

    def _choice(self, node: Choice) -> Said:
        condition = self._need(node.condition, Kind.TRUTH)
        (first, one), (second, other) = self.visit(node.first), self.visit(node.second)
        if one.kind is not other.kind and Kind.NULL not in (one.kind, other.kind):
            raise Refusal(f"one side of ? : is {one.kind}, the other {other.kind}", node.offset)
        kind = other.kind if one.kind is Kind.NULL else one.kind
        return f"({condition} ? {first} : {second})", Type(kind, one.nullable or other.nullable)


def _unfit(wanted: Kind, found: Kind) -> str:
    hint = "; put it in quotes" if (wanted, found) == (Kind.TEXT, Kind.NUMBER) else ""
    return f"{wanted} is needed here, not {found}{hint}"


def _cut(word: str) -> str:
    return word if len(word) <= _LONGEST else f"{word[:_LONGEST]}…"


def _near(word: str, known: Iterable[str]) -> str:
    words = list(known)
    same = next((candidate for candidate in words if candidate.casefold() == word.casefold()), None)
    return _meant(same or next(iter(difflib.get_close_matches(word[:_LONGEST], words, n=1, cutoff=0.5)), None)) or (
        f"; there are {', '.join(sorted(words))}" if len(words) <= 16 and words else ""
    )


def _meant(word: str | None) -> str:
    return f"; did you mean {word}?" if word else ""
