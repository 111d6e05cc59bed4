# SPDX-License-Identifier: Apache-2.0
"""The attributes of the standard (PS3.6 §6): keyword, tag, value representation. Read once, when first asked for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_LONGEST = 64  # characters of the longest keyword; what is longer is none


@cache
def tags_by_keyword() -> Mapping[str, int]:
    """The tag of each keyword, retired ones included; where groups repeat, as overlays', that of the first one."""
    repeated = {keyword: int(tag, 16) for tag, keyword in _entries("repeating.txt")}
    return repeated | {keyword: tag for tag, keyword in keywords_by_tag().items()}


@cache
def keywords_by_tag() -> Mapping[int, str]:
    """The keyword of each tag that is one attribute's."""
    return {int(tag, 16): keyword for tag, _, keyword in _entries("dictionary.txt")}


@cache
def vrs_by_tag() -> Mapping[int, tuple[str, ...]]:
    """The value representations that each tag may have, the usual one first."""
    return {int(tag, 16): tuple(vr.split("/")) for tag, vr, _ in _entries("dictionary.txt") if vr != "--"}


def nearest_keyword(word: str) -> str | None:
    """The keyword that was probably meant."""
    if not 0 < len(word) <= _LONGEST:
        return None
    for keyword in tags_by_keyword():
        if keyword.casefold() == word.casefold():
            return keyword
    return next(iter(difflib.get_close_matches(word, tags_by_keyword(), n=1, cutoff=0.7)), None)


def _entries(name: str) -> list[list[str]]:
    text = (files("dromos_crds") / name).read_text(encoding="ascii")
    return [line.split(" ") for line in text.splitlines()]
