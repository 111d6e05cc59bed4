# SPDX-License-Identifier: Apache-2.0
"""Action codes with a choice, such as X/Z/D, resolved from the type that the attribute has in the instance's IOD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_KINDS: Final = {"1": 0, "1C": 0, "2": 1, "2C": 1, "3": 2, None: 3}
# by type: 1 and 1C, 2 and 2C, 3, unknown (karnak.md §1g)
_KARNAK: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "Z/D": ("DDum", "Z", "Z", "DDum"),
    "X/D": ("DDum", "DDum", "X", "DDum"),
    "X/Z/D": ("DDum", "Z", "X", "DDum"),
    "X/Z": ("X", "Z", "X", "Z"),
    "X/Z/U": ("U", "Z", "X", "U"),
    "X/Z/U*": ("U", "Z", "X", "U"),
}
# Strict: nothing of type 1 goes missing
_STRICT: Final = {**_KARNAK, "X/Z": ("DDum", "Z", "X", "Z")}
# Strict, for the basic profile's plain codes: what the IOD demands stays, as a dummy or empty
_REPAIRED: Final = {
    "X": {"1": "DDum", "1C": "DDum", "2": "Z", "2C": "Z"},
    "Z": {"1": "DDum", "1C": "DDum"},
}


def is_multiple(code: str) -> bool:
    """Whether a code is a choice."""
    return code in _KARNAK


def resolve(code: str, kind: str | None, *, strict: bool) -> str:
    """X, Z, DDum or U for a choice and the attribute's type (None: not known)."""
    return (_STRICT if strict else _KARNAK)[code][_KINDS[kind]]


def repaired(code: str, kind: str | None, *, by_table: bool) -> str:
    """X or Z under Strict: a dummy where the IOD demands a value, empty where it demands the element.

    What a person wrote into the profile (not `by_table`) is mended for types 1 only: a conditional attribute may go,
    an empty one may be wanted absent.
    """
    if not by_table:
        return "DDum" if kind == "1" and code in _REPAIRED else code
    return _REPAIRED.get(code, {}).get(kind or "", code)
