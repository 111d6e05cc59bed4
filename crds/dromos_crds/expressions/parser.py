# SPDX-License-Identifier: Apache-2.0
"""Tokens into a tree, with the precedence of Spring's expression language: ?: then ||, &&, comparisons, + and -."""

from __future__ import annotations

from dromos_crds.expressions.lexer import Piece, Token, tokens
from dromos_crds.expressions.mistakes import Refusal
from dromos_crds.expressions.syntax import Call, Chain, Choice, Constant, Node, Number, Property, Text, Unary, Variable

_DEEPEST = 40  # levels of nesting: more than anybody writes, less than any stack holds
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_CONSTANTS = {"true": True, "false": False, "null": None}
_LARGEST = 2**53


def parse(text: str) -> Node:
    """The tree of an expression. Refusal with the offset of what is wrong."""
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._pieces = list(tokens(text))
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        if self._pieces[0].token is Token.END:
            raise Refusal("an expression is missing", 0)
        node = self._choice()
        if self._at < len(self._pieces) - 1:
            raise Refusal(f"{self._said()} was not expected here", self._next.offset)
        return node

    @property
    def _next(self) -> Piece:
        return self._pieces[self._at]

    def _said(self) -> str:
        piece = self._next
        return {Token.END: "the end", Token.TEXT: "a text"}.get(piece.token, repr(piece.text))

    def _take(self) -> Piece:
        piece = self._pieces[self._at]
        self._at += 1
        return piece

    def _is(self, *marks: str) -> bool:
        return self._next.token is Token.MARK and self._next.text in marks

    def _expect(self, mark: str) -> Piece:
        if not self._is(mark):
            raise Refusal(f"{mark!r} was expected, not {self._said()}", self._next.offset)
        return self._take()

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Refusal(f"this is nested more than {_DEEPEST} levels deep", self._next.offset)
        conditions: list[tuple[Node, Node, int]] = []
        node = self._chain("||")
        while self._is("?"):
            mark = self._take()
            first = self._choice()
            self._expect(":")
            conditions.append((node, first, mark.offset))
            node = self._chain("||")
        if self._is("?:"):
            raise Refusal("'?:' is not part of the language; write condition ? value : other", self._next.offset)
        for condition, first, offset in reversed(conditions):
            node = Choice(condition, first, node, offset)
        self._depth -= 1
        return node

    def _chain(self, operator: str) -> Node:
        first, offset = self._chain("&&") if operator == "||" else self._comparison(), self._next.offset
        operands = [first]
        while self._is(operator):
            self._take()
            operands.append(self._chain("&&") if operator == "||" else self._comparison())
        return Chain(operator, tuple(operands), offset) if len(operands) > 1 else first

    def _comparison(self) -> Node:
        left = self._sum()
        if self._is(*_COMPARISONS):
            mark = self._take()
            left = Chain(mark.text, (left, self._sum()), mark.offset)
        elif self._next.token is Token.NAME and self._next.text.lower() == "matches":
            word = self._take()
            left = Call("matches", (self._sum(),), word.offset, receiver=left)
        if self._is(*_COMPARISONS):
            raise Refusal("comparisons do not chain; join them with &&", self._next.offset)
        return left

    def _sum(self) -> Node:
        node = self._unary()
        while self._is("+", "-"):
            mark = self._take()
            right = self._unary()
            if mark.text == "+" and isinstance(node, Chain) and node.operator == "+":
                node = Chain("+", (*node.operands, right), node.offset)
            else:
                node = Chain(mark.text, (node, right), mark.offset)
        return node

    def _unary(self) -> Node:
        if not self._is("!", "-"):
            return self._postfix()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Refusal(f"this is nested more than {_DEEPEST} levels deep", self._next.offset)
        mark = self._take()
        node = Unary(mark.text, self._unary(), mark.offset)
        self._depth -= 1
        return node

    def _postfix(self) -> Node:
        node, methods = self._primary(), 0
        while self._is("."):
            methods += 1
            if methods > _DEEPEST:
                raise Refusal(f"more than {_DEEPEST} methods follow each other", self._next.offset)
            dot = self._take()
            if self._next.token is Token.NUMBER:
                raise Refusal("numbers are whole here", dot.offset)
            name = self._name("a method's name")
            if not self._is("("):
                if isinstance(node, Property) and node.name in ("Tag", "VR"):
                    raise Refusal(f"write #{node.name}.{name.text[:64]}, with a # before it", node.offset)
                raise Refusal(f"{name.text} is not a property; methods are called with ()", name.offset)
            node = Call(name.text, self._arguments(), name.offset, receiver=node)
        if self._is("?."):
            raise Refusal("'?.' is not part of the language; test with == null", self._next.offset)
        return node

    def _primary(self) -> Node:
        piece = self._next
        if piece.token is Token.TEXT:
            return Text(self._take().text, piece.offset)
        if piece.token is Token.NUMBER:
            return self._number(self._take())
        if piece.token is Token.NAME:
            return self._word(self._take())
        if self._is("#"):
            return self._variable(self._take())
        if self._is("("):
            self._take()
            node = self._choice()
            self._expect(")")
            return node
        raise Refusal(f"a value was expected, not {self._said()}", piece.offset)

    def _number(self, piece: Piece) -> Node:
        value = int(piece.text, 16) if piece.text[:2] in ("0x", "0X") else int(piece.text[:32])
        if value > _LARGEST:
            raise Refusal("this number is too large", piece.offset)
        return Number(value, piece.text, piece.offset)

    def _word(self, word: Piece) -> Node:
        lower = word.text.lower()
        if lower in _CONSTANTS:
            return Constant(_CONSTANTS[lower], word.offset)
        if lower == "new" and self._next.token is Token.NAME:
            raise Refusal("Java objects cannot be made here", word.offset)
        if word.text == "T" and self._is("("):
            raise Refusal("Java types are out of reach", word.offset)
        if self._is("("):
            return Call(word.text, self._arguments(), word.offset)
        return Property(word.text, word.offset)

    def _variable(self, mark: Piece) -> Node:
        space = self._name("Tag or VR")
        if not self._is("."):
            raise Refusal(f"#{space.text[:64]} is unknown; there are #Tag.Keyword and #VR.XX", mark.offset)
        self._take()
        name = self._name("a keyword")
        return Variable(space.text, name.text, mark.offset, name.offset)

    def _name(self, what: str) -> Piece:
        if self._next.token is not Token.NAME:
            raise Refusal(f"{what} was expected, not {self._said()}", self._next.offset)
        return self._take()

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        if self._is(")"):
            self._take()
            return ()
        arguments = [self._choice()]
        while self._is(","):
            self._take()
            arguments.append(self._choice())
        self._expect(")")
        return tuple(arguments)
