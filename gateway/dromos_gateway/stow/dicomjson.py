# SPDX-License-Identifier: Apache-2.0
"""A data set in the DICOM JSON Model (PS3.18 Annex F), as far as a Store response needs it."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from dromos_gateway.stow.report import ASKED_FOR, Item, UnreadableReport, Values

_DEPTH = 8
_MOST = 10_000  # values of an element: a request has 50 instances


def parse_json(body: bytes) -> Item:
    """Read one data set. Some send an array, of one or of one for each study: they count together. UnreadableReport."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableReport("the body is not JSON") from None
    parts = found if isinstance(found, list) else [found]
    if not parts or len(parts) > _MOST or not all(isinstance(part, dict) for part in parts):
        raise UnreadableReport("the body is JSON, but no data set")
    items = [_item(part, 0) for part in parts]
    return {tag: tuple(chain.from_iterable(item.get(tag, ()) for item in items)) for tag in set().union(*items)}


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
    whole = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values)
    return tuple(  # some languages know one kind of number only, and write 42752.0
        _item(value, depth + 1) if isinstance(value, dict) else value
        for value in whole
        if isinstance(value, dict | str) or (isinstance(value, int) and not isinstance(value, bool))
    )
