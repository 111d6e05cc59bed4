# SPDX-License-Identifier: Apache-2.0
"""A project's secret: which text is one, and its bytes."""

from __future__ import annotations

import pytest

from dromos_crds.projectkeys import InvalidKeys, dashed, from_hex, is_key, read_keys
from tests.unit.karnak import Given


def _validate(given: Given, expected: Given) -> None:
    assert is_key(given["key"]) is expected["valid"]
    data = {"active": b"k1", "k1": given["key"].encode()}
    if expected["valid"]:
        assert read_keys(data).active.value == from_hex(given["key"])
    else:
        with pytest.raises(InvalidKeys):
            read_keys(data)


def _display(given: Given, expected: Given) -> None:
    assert dashed(given["hex"]) == expected["dashed"]


def _to_bytes(given: Given, expected: Given) -> None:
    if "error" in expected:
        with pytest.raises(ValueError, match="not hexadecimal"):
            from_hex(given["text"])
    else:
        assert from_hex(given["text"]).hex() == expected["bytes_hex"]


def _to_hex(given: Given, expected: Given) -> None:
    value = bytes(given["bytes"])
    assert from_hex(expected["hex"]) == value
    assert value.hex() == expected["hex"]


AREAS = {
    "secret.validate": _validate,
    "secret.display": _display,
    "secret.hex_to_bytes": _to_bytes,
    "secret.bytes_to_hex": _to_hex,
}
