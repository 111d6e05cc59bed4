# SPDX-License-Identifier: Apache-2.0
"""A data set in the DICOM JSON Model (PS3.18 Annex F), as far as a Store response needs it."""

from __future__ import annotations

import json
from typing import Any

from dromos_gateway.stow.report import Item, UnreadableReport, Values

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
    return {
        tag.upper(): _values(element["Value"], depth)
        for tag, element in data_set.items()
        if isinstance(element, dict) and isinstance(element.get("Value", None), list)
    } | {  # a sequence without items is there all the same
        tag.upper(): () for tag, element in data_set.items() if isinstance(element, dict) and "Value" not in element
    }


def _values(values: list[Any], depth: int) -> Values:
    if len(values) > _MOST:
        raise UnreadableReport("the body's sequences have too many items")
    return tuple(
        _item(value, depth + 1) if isinstance(value, dict) else value
        for value in values
        if isinstance(value, dict | str) or (isinstance(value, int) and not isinstance(value, bool))
    )
