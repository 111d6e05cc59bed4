# SPDX-License-Identifier: Apache-2.0
"""Looks for what was planted, in a file's raw bytes and in other encodings of its characters."""

from __future__ import annotations

import re

from tests.deid.corpus import Planted

_CORE = re.compile(rb"MK[0-9]{8}")
# ASCII is itself in UTF-8 and in all of ISO 2022; in UTF-16 there is a zero between
_WIDE = re.compile(rb"M\0K(?:\0[0-9]){8}")
_PART_OF_MORE = frozenset(b"0123456789.")


def residue(content: bytes, planted: Planted) -> list[str]:
    """The place of each marker and whole value that is in the bytes."""
    found = [planted.markers.get(match.decode(), "unknown marker") for match in _CORE.findall(content)]
    found += [planted.markers.get(match[::2].decode(), "in UTF-16") for match in _WIDE.findall(content)]
    return found + [place for value, place in planted.values.items() if _stands_in(value.encode(), content)]


def _stands_in(value: bytes, content: bytes) -> bool:
    """Whether a value begins somewhere; what follows may look like a digit and be the next tag."""
    at = content.find(value)
    while at >= 0:
        if at == 0 or content[at - 1] not in _PART_OF_MORE:
            return True
        at = content.find(value, at + 1)
    return False
