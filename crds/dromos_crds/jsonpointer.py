# SPDX-License-Identifier: Apache-2.0
"""JSON pointers (RFC 6901)."""

from __future__ import annotations

import re
from typing import Any

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]*", re.ASCII)


class Nothing:
    """What a pointer leads to when it leads nowhere; null is something."""


NOTHING = Nothing()


def parse_pointer(text: str) -> tuple[str, ...] | None:
    """The tokens of a pointer; a leading slash may be left out, as in Karnak's profiles. None: not a pointer."""
    if not text:
        return ()
    if _BAD_ESCAPE.search(text):
        return None
    tokens = text.removeprefix("/").split("/")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)  # in this order, RFC 6901 §4


def resolve(document: Any, tokens: tuple[str, ...]) -> Any | Nothing:
    """What the tokens lead to in a parsed document."""
    for token in tokens:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and _INDEX.fullmatch(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            return NOTHING
    return document
