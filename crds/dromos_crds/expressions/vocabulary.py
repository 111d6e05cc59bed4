# SPDX-License-Identifier: Apache-2.0
"""The words of the language: which functions, methods and properties there are, and what they take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV"
VRS = frozenset(_VRS.split())  # PS3.5 Table 6.2-1


class Kind(StrEnum):
    """What a part of an expression is; the words appear in messages."""

    TEXT = "text"
    NUMBER = "a number"
    TRUTH = "true or false"
    VR = "a VR"
    ACTION = "an action"
    NULL = "null"
    TAG = "a tag"  # a number, or a text that names a tag


@dataclass(frozen=True, slots=True)
class Type:
    """A kind, and whether null is possible."""

    kind: Kind
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes and gives; `optional` of the last parameters may be left out."""

    parameters: tuple[Kind, ...]
    result: Type
    optional: int = 0
    nullable: bool = False  # null may be passed as an argument

    def takes(self, number: int) -> bool:
        """The number of arguments is right."""
        return len(self.parameters) - self.optional <= number <= len(self.parameters)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Where an expression stands decides which words it has."""

    name: str  # for messages
    functions: Mapping[str, Function]
    properties: Mapping[str, Type]


_TEXT, _NUMBER, _TRUTH, _ACTION = Type(Kind.TEXT), Type(Kind.NUMBER), Type(Kind.TRUTH), Type(Kind.ACTION)
_MAYBE_TEXT = Type(Kind.TEXT, nullable=True)

METHODS: Mapping[str, Function] = MappingProxyType(
    {
        "startsWith": Function((Kind.TEXT,), _TRUTH),
        "endsWith": Function((Kind.TEXT,), _TRUTH),
        "contains": Function((Kind.TEXT,), _TRUTH),
        "substring": Function((Kind.NUMBER, Kind.NUMBER), _TEXT, optional=1),
        "indexOf": Function((Kind.TEXT, Kind.NUMBER), _NUMBER, optional=1),
        "lastIndexOf": Function((Kind.TEXT,), _NUMBER),
        "concat": Function((Kind.TEXT,), _TEXT),
        "length": Function((), _NUMBER),
        "trim": Function((), _TEXT),
        "toUpperCase": Function((), _TEXT),
        "toLowerCase": Function((), _TEXT),
        "replace": Function((Kind.TEXT, Kind.TEXT), _TEXT),
        "equals": Function((Kind.TEXT,), _TRUTH, nullable=True),
        "equalsIgnoreCase": Function((Kind.TEXT,), _TRUTH, nullable=True),
        "isEmpty": Function((), _TRUTH),
        "isBlank": Function((), _TRUTH),
        "matches": Function((Kind.TEXT,), _TRUTH),
    }
)

_COMPARED = Function((Kind.TAG, Kind.TEXT), _TRUTH)
CONDITION = Vocabulary(
    "a condition",
    MappingProxyType(
        {
            "tagValueIsPresent": _COMPARED,
            "tagValueContains": _COMPARED,
            "tagValueBeginsWith": _COMPARED,
            "tagValueEndsWith": _COMPARED,
            "tagIsPresent": Function((Kind.TAG,), _TRUTH),
        }
    ),
    MappingProxyType({}),
)
_READING = {"getString": Function((Kind.TAG,), _MAYBE_TEXT), "tagIsPresent": Function((Kind.TAG,), _TRUTH)}
_ELEMENT = {"tag": _NUMBER, "vr": Type(Kind.VR), "stringValue": _MAYBE_TEXT}
ACTION = Vocabulary(
    "an action expression",
    MappingProxyType(
        {
            **_READING,
            "Keep": Function((), _ACTION),
            "Remove": Function((), _ACTION),
            "Replace": Function((Kind.TEXT,), _ACTION, nullable=True),
            "ReplaceNull": Function((), _ACTION),
            "UID": Function((), _ACTION),
            "ComputePatientAge": Function((), _ACTION),
            "ExcludeInstance": Function((), _ACTION),
            "Add": Function((Kind.TAG, Kind.VR, Kind.TEXT), _ACTION, nullable=True),
        }
    ),
    MappingProxyType(_ELEMENT),
)
TEMPLATE = Vocabulary("a template", MappingProxyType(_READING), MappingProxyType({}))
ELEMENT_TEMPLATE = Vocabulary("a template", MappingProxyType(_READING), MappingProxyType(_ELEMENT))
