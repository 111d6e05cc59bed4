# SPDX-License-Identifier: Apache-2.0
"""The type (1, 1C, 2, 2C, 3) that an attribute has in the information object of an instance (PS3.3, PS3.5 7.4).

``attribute_types.json`` is made by hack/attribute_types.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

STRICTEST_FIRST: Final = ("1", "1C", "2", "2C", "3")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an IOD has an attribute: module, whether that is mandatory, and the type."""

    module: str
    mandatory: bool
    type: str


def strictest(types: Iterable[str]) -> str | None:
    """The type that demands most; None of none."""
    found = set(types)
    return next((kind for kind in STRICTEST_FIRST if kind in found), None)


def is_known(sop_class_uid: str) -> bool:
    """Whether the table has the SOP class."""
    return sop_class_uid in _table()["sop_classes"]


def places(sop_class_uid: str, path: tuple[int, ...], tag: int) -> tuple[Place, ...]:
    """All modules of the IOD that have the attribute inside these sequences."""
    table = _table()
    iod = table["sop_classes"].get(sop_class_uid)
    found = []
    for module, usage in table["iods"].get(iod, ()):
        name, content = table["modules"][module]
        for outer in path:
            content = _content(content).get(outer, ("", -1))[1]
        kind = _content(content).get(tag)
        if kind is not None:
            found.append(Place(name, usage == "M", kind[0]))
    return tuple(found)


@lru_cache(maxsize=16_384)
def attribute_type(sop_class_uid: str, path: tuple[int, ...], tag: int, *, strict: bool = False) -> str | None:
    """The attribute's type; None when the IOD or the SOP class is not known to have it.

    Where several modules have it, the strictest counts; as in Karnak that of the mandatory ones, unless `strict`.
    """
    found = places(sop_class_uid, path, tag)
    if strict:
        return strictest(place.type for place in found)
    mandatory = [place.type for place in found if place.mandatory]
    return strictest(mandatory or (place.type for place in found))


@cache
def anywhere() -> frozenset[int]:
    """Every attribute that some information object has, at the root or in a sequence."""
    return frozenset(tag for content in _table()["contents"] for tag, _, _ in content)


@cache
def _table() -> dict[str, Any]:
    text = (files("dromos_gateway.deid") / "attribute_types.json").read_text(encoding="ascii")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def _content(number: int) -> dict[int, tuple[str, int]]:
    if number < 0:
        return {}
    return {tag: (kind, inner) for tag, kind, inner in _table()["contents"][number]}
