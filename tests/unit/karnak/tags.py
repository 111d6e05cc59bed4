# SPDX-License-Identifier: Apache-2.0
"""Tags in every notation."""

from __future__ import annotations

from dromos_crds import tags
from tests.unit.karnak import Given


def _is_hex(given: Given, expected: Given) -> None:
    assert (tags.parse_pattern(given["text"] or "") is not None) is expected["bool"]


def _pattern_valid(given: Given, expected: Given) -> None:
    pattern = tags.parse_pattern(given["text"] or "")
    assert (pattern is not None and not pattern.exact) is expected["bool"]


def _pattern_mask(given: Given, expected: Given) -> None:
    pattern = tags.parse_pattern(given["text"])
    assert pattern is not None
    assert f"{pattern.mask:08X}" == expected["mask_hex"]


def _match(given: Given, expected: Given) -> None:
    patterns = [pattern for text in given["patterns"] if (pattern := tags.parse_pattern(text)) is not None]
    assert len(patterns) == len(given["patterns"])
    tag = tags.parse_tag(given["tag"])
    assert tag is not None
    found = tags.first_match(patterns, tag)
    assert (found and found.text) == expected["matched"]


def _clean_path(given: Given, expected: Given) -> None:
    assert tags.canonical(given["text"]) == expected["text"]


def _resolve(given: Given, expected: Given) -> None:
    tag = tags.parse_tag(given["text"])
    assert (tags.format_tag(tag) if tag is not None else None) == expected.get("tag")
    assert ("error" in expected) is (tag is None)


def _path(given: Given, expected: Given) -> None:
    nesting = [tag for text in given["nesting"] if (tag := tags.parse_tag(text)) is not None]
    tag = tags.parse_tag(given["tag"])
    assert tag is not None
    assert tags.format_path(nesting, tag) == expected["path"]


AREAS = {
    "tag.is_hex": _is_hex,
    "tag.pattern_valid": _pattern_valid,
    "tag.pattern_mask": _pattern_mask,
    "tag.match": _match,
    "tag.clean_path": _clean_path,
    "tag.resolve": _resolve,
    "tag.path": _path,
}
