# SPDX-License-Identifier: Apache-2.0
"""The parts of an expression. Each knows the offset in the text that a message points at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A text literal."""

    value: str
    offset: int


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, with the digits as they were written."""

    value: int
    written: str
    offset: int


@dataclass(frozen=True, slots=True)
class Constant:
    """true, false or null."""

    value: bool | None
    offset: int


@dataclass(frozen=True, slots=True)
class Variable:
    """#Tag.Keyword or #VR.XX."""

    space: str
    name: str
    offset: int
    name_offset: int


@dataclass(frozen=True, slots=True)
class Property:
    """tag, vr or stringValue."""

    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or with a receiver a method of a text."""

    name: str
    arguments: tuple[Node, ...]
    offset: int
    receiver: Node | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands joined by one operator: && or || or +; or two by - or a comparison."""

    operator: str
    operands: tuple[Node, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Unary:
    """! or -."""

    operator: str
    operand: Node
    offset: int


@dataclass(frozen=True, slots=True)
class Choice:
    """condition ? first : second."""

    condition: Node
    first: Node
    second: Node
    offset: int


Node = Text | Number | Constant | Variable | Property | Call | Chain | Unary | Choice
