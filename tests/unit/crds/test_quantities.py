# SPDX-License-Identifier: Apache-2.0
"""Sizes and durations, exactly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromos_crds.durations import parse_duration
from dromos_crds.fields import DURATION_PATTERN, QUANTITY_PATTERN
from dromos_crds.quantities import parse_quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1.5", 2),
        ("64Mi", 64 * 2**20),
        ("20Gi", 20 * 2**30),
        ("1k", 1000),
        ("0.1Gi", 107374183),
        ("9007199254740993", 2**53 + 1),
        ("1Pi", 2**50),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_quantity(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("45s", 45), ("1.5m", 90), ("168h", 604800), ("250ms", 0.25), ("999999h", 3599996400)],
)
def test_durations(text: str, expected: float) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "Gi", "-1Gi", "1 Gi", "1gi", "1GB", "1e3", "1Gi\n", "٣Gi", "1."])
def test_what_is_no_size_says_how_one_looks(text: str) -> None:
    with pytest.raises(ValueError, match="20Gi"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1d", "1h30m", "1s\n", "60", "1000000h", "1000000000s"])
def test_what_is_no_duration_says_how_one_looks(text: str) -> None:
    with pytest.raises(ValueError, match="168h"):
        parse_duration(text)


@given(st.from_regex(QUANTITY_PATTERN.replace("$", r"\Z"), alphabet=st.characters(codec="ascii")))
def test_every_size_that_the_schema_takes_can_be_read(text: str) -> None:
    assert parse_quantity(text) >= 0


@given(st.text(alphabet="0123456789.mshdKMGi ", max_size=12))
def test_schema_and_readers_agree(text: str) -> None:
    assert _reads(parse_quantity, text) == bool(re.search(QUANTITY_PATTERN.replace("$", r"\Z"), text))
    assert _reads(parse_duration, text) == bool(re.search(DURATION_PATTERN.replace("$", r"\Z"), text))


def _reads(parse: object, text: str) -> bool:
    try:
        parse(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True
