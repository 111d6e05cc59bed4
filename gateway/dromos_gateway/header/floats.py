# SPDX-License-Identifier: Apache-2.0
"""Floating-point values as text, as dcm4che writes them, because Karnak's conditions are written against that.

Java's shortest digits that read back as the same number (Double.toString, Float.toString since Java 19), of which
dcm4che's formatDS takes ".0" off and, of a double, what goes beyond the 16 characters of a DS: 1000, 0.1, 1E10.
"""

from __future__ import annotations

import struct
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from math import frexp, isfinite, isnan
from typing import Final

_PLAIN: Final = range(-3, 7)  # decimal exponents that Java writes without E
_MOST: Final = 16  # characters of a DS (PS3.5 6.2)
_SINGLE: Final = struct.Struct("<f")


def double_text(value: float) -> str:
    """A value of VR FD or OD."""
    text = _without_fraction(_java(value, single=False))
    cut = len(text) - _MOST
    if cut <= 0:
        return text
    digits, e, exponent = text.partition("E")
    return digits[:-cut] + e + exponent


def single_text(value: float) -> str:
    """A value of VR FL or OF."""
    return _without_fraction(_java(value, single=True))


def _without_fraction(text: str) -> str:
    digits, e, exponent = text.partition("E")
    return digits.removesuffix(".0") + e + exponent


def _java(value: float, *, single: bool) -> str:
    if not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    shortest = _shortest(value) if single else Decimal(repr(value))
    found = _two_digits(value, shortest, single=single)
    sign, figures, _ = found.as_tuple()
    minus = "-" if sign else ""
    digits = "".join(map(str, figures)).rstrip("0") or "0"
    power = found.adjusted() if found else 0  # of the first digit
    if power not in _PLAIN:
        return f"{minus}{digits[0]}.{digits[1:] or '0'}E{power}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{digits}"
    whole = power + 1
    return f"{minus}{digits[:whole].ljust(whole, '0')}.{digits[whole:] or '0'}"


def _shortest(value: float) -> Decimal:
    """The shortest decimal that reads back as this single; of several the nearest."""
    even = abs(frexp(value)[0]) == 0.5  # the next smaller one is nearer: the nearest decimal may be a neighbour's
    for places in range(9):
        nearest = Decimal(f"{value:.{places}e}")
        if _as_single(nearest) == value:
            return nearest
        if even:
            exact = Decimal(value)
            for rounding in (ROUND_FLOOR, ROUND_CEILING):
                other = Context(places + 1, rounding).create_decimal(exact)
                if _as_single(other) == value:
                    return other
    return Decimal(value)


def _two_digits(value: float, shortest: Decimal, *, single: bool) -> Decimal:
    """Java writes two digits at least, and takes them as near as it can: 4.9E-324, not 5.0E-324."""
    if len(shortest.as_tuple().digits) > 1:
        return shortest
    two = Context(2).create_decimal(Decimal(value))
    return two if (_as_single(two) if single else float(two)) == value else shortest


def _as_single(decimal: Decimal) -> float | None:
    try:
        found: float = _SINGLE.unpack(_SINGLE.pack(float(decimal)))[0]
    except OverflowError:
        return None
    return found
