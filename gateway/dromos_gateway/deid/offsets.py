# SPDX-License-Identifier: Apache-2.0
"""Extended offset tables of encapsulated pixels (PS3.3 C.7.6.3.1.8): numbers that are no offsets may be words.

Nobody needs them, as they only say where to find what can be found without: one that is not true goes.
"""

from __future__ import annotations

import struct
from typing import Final

from dromos_gateway.header.encoding import UNDEFINED, Encoding
from dromos_gateway.header.shape import Place
from dromos_gateway.header.source import Source
from dromos_gateway.header.walking import fragments, length_before

_OFFSETS, _LENGTHS, _TOTAL = 0x7FE00001, 0x7FE00002, 0x7FE00003
TABLES: Final = frozenset((_OFFSETS, _LENGTHS, _TOTAL))


def is_true(tag: int, raw: bytes, pixels: Place | None, source: Source, encoding: Encoding) -> bool:
    """Whether one of the `TABLES` says of the `pixels` what is so; of native ones there is nothing to say."""
    if pixels is None or len(raw) % 8 or length_before(source, pixels[2], encoding) != UNDEFINED:
        return False
    _, _, value, stop = pixels
    numbers = struct.unpack(f"<{len(raw) // 8}Q", raw)
    parts = list(fragments(source, value, stop, encoding))[1:]
    if tag == _TOTAL:
        return all(number <= stop - value for number in numbers)
    if tag == _OFFSETS:
        begins = {content - parts[0][0] for content, _ in parts}
        return begins.issuperset(numbers) and list(numbers) == sorted(set(numbers))
    return len(numbers) == len(parts) and all(
        size - 1 <= number <= size for number, (_, size) in zip(numbers, parts, strict=True)
    )
