# SPDX-License-Identifier: Apache-2.0
"""A data set in the DICOM JSON Model (PS3.18 Annex F), as far as a Store response needs it."""

from __future__ import annotations

import json
from typing import Any

from dromos_gateway.stow.report import ASKED_FOR, Item, UnreadableReport, Values

_DEPTH = 8
_MOST = 10_000  # values of an element: a request has 50 instances


def parse_json(body: bytes) -> Item:
    """Read one data set; an array of one is as good, and servers send either. UnreadableReport."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableReport("the body is not JSON") from None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise UnreadableReport("the body is JSON, but no data set")
    return _item(found, 0)


def _item(data_set: dict[str, Any], depth: int) -> Item:
    if depth > _DEPTH:
        raise UnreadableReport("the body's sequences are nested too deep")
    found: dict[str, Values] = {}
    for written, element in data_set.items():
        tag = written.upper()
        if tag in ASKED_FOR and isinstance(element, dict):
            values = element.get("Value", [])  # a sequence without items is there all the same
            if isinstance(values, list):
                found[tag] = _values(values, depth)
    return found


def _values(values: list[Any], depth: int) -> Values:
    if len(values) > _MOST:
        raise UnreadableReport("the body's sequences have too many items")
    return tuple(
        _item(value, depth + 1) if isinstance(value, dict) else value
        for value in values
        if isinstance(value, dict | str) or (isinstance(value, int) and not isinstance(value, bool))
    )
