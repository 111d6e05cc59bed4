# SPDX-License-Identifier: Apache-2.0
"""Which tags a profile may name: attributes of PS3.6, repeating groups, private elements."""

from __future__ import annotations

from typing import Final

from dromos_crds import tags
from dromos_crds.dictionary import keywords_by_tag, nearest_keyword, vrs_by_tag
from dromos_crds.tags import TagPattern

# (mask, value): curves, overlays, source image UIDs, transform tables, PS3.6 6 and its retired neighbours
_REPEATING: Final = (
    (0xFF000000, 0x50000000),
    (0xFF000000, 0x60000000),
    (0xFF000000, 0x7F000000),
    (0xFFFFFF00, 0x00203100),
    (0xFFFFFF00, 0x00280400),
    (0xFFFFFF00, 0x00280800),
    (0xFFFF0000, 0x10000000),
    (0xFFFF0000, 0x10100000),
)
_NO_PRIVATE: Final = frozenset((0x0001, 0x0003, 0x0005, 0x0007, 0xFFFF))  # PS3.5 7.8.1


def is_private(tag: int) -> bool:
    """An odd group."""
    return bool(tag >> 16 & 1)


def exists(tag: int) -> bool:
    """Whether the standard has the attribute, or leaves the tag to private use."""
    if is_private(tag):
        return tag >> 16 not in _NO_PRIVATE
    return tag in vrs_by_tag() or tag in keywords_by_tag() or any(tag & mask == value for mask, value in _REPEATING)


def pattern_problem(text: str) -> str | None:
    """What is wrong with a tag or pattern of a profile; None: nothing."""
    pattern = read(text)
    if pattern is None:
        near = nearest_keyword(text)
        return f"is no tag; did you mean {near}?" if near else "is no tag; write (gggg,eeee), X for any digit"
    if pattern.exact:
        return None if exists(pattern.value) else "is no attribute of PS3.6, nor private"
    if may_be_private(pattern) or any(pattern.matches(tag) for tag in keywords_by_tag()):
        return None
    if any(_overlap(pattern, mask, value) for mask, value in _REPEATING):
        return None
    return "matches no attribute of PS3.6, nor a private one"


def read(text: str) -> TagPattern | None:
    """A tag, a pattern or a keyword; blanks may stand inside."""
    squeezed = "".join(text.split())
    pattern = tags.parse_pattern(squeezed)
    if pattern is not None:
        return pattern
    tag = tags.parse_tag(squeezed)
    return None if tag is None else TagPattern(text, tag)


def may_be_private(pattern: TagPattern) -> bool:
    """Whether it can be of an odd group."""
    return bool(pattern.value >> 16 & 1) or not pattern.mask >> 16 & 1


def _overlap(pattern: TagPattern, mask: int, value: int) -> bool:
    both = pattern.mask & mask
    return pattern.value & both == value & both
