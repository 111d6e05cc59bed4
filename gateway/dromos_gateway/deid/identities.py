# SPDX-License-Identifier: Apache-2.0
"""What identifies somebody in an instance: the texts that the basic profile takes out, wherever they stand.

Not those that it might clean instead: what is cleaned describes, and a study of the thorax doesn't make the thorax a
secret. Names of people count always, those in private elements too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dromos_crds.profiles.confidentiality import Option, Row, row_of
from dromos_gateway.deid.choosing import CLEAN
from dromos_gateway.deid.cleaning import Identifying, identifying
from dromos_gateway.header.encoding import IMPLICIT, PIXEL_DATA, Encoding
from dromos_gateway.header.indexing import index_item
from dromos_gateway.header.sets import SPECIFIC_CHARACTER_SET, encodings_of
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import text_of
from dromos_gateway.header.vr import CHARACTERS, known_vr
from dromos_gateway.header.walking import holds_items, items, length_before

_AGE: Final = b"AS"
_LONGEST: Final = 64 * 1024  # bytes: no name and no identifier is as long
# codes that name a person: Content Creator's, Person and Verifying Observer Identification Code Sequence
_PERSONS: Final = frozenset((0x00401101, 0x0040A088, 0x00700086))


def identities(
    source: Source, layout: Layout, encoding: Encoding, encodings: tuple[str, ...], options: frozenset[Option]
) -> Identifying:
    """What identifies somebody under the chosen options."""
    names: list[str] = []
    others: list[str] = []
    for vr, text in _Search(source, options).texts(layout, encoding, encodings):
        (names if vr == b"PN" else others).append(text)
    return identifying(names, others)


class _Search:
    """Through one data set, sequences included."""

    def __init__(self, source: Source, options: frozenset[Option]) -> None:
        self._source = source
        self._options = options

    def texts(
        self,
        layout: Layout,
        encoding: Encoding,
        encodings: tuple[str, ...],
        *,
        depth: int = 0,
        inside: bool = False,
    ) -> Iterator[tuple[bytes, str]]:
        """VR and text of what identifies; `inside` a code that names a person, so do texts without a row."""
        source = self._source
        for tag, place in layout.items():
            said, start, value, stop = place
            if start == stop or value == stop or tag in PIXEL_DATA:
                continue
            vr, row = known_vr(tag, said), row_of(tag)
            if vr == b"SQ" or (vr == b"UN" and holds_items(source, value, stop)):
                inner = IMPLICIT if said == b"UN" else encoding
                length = length_before(source, value, encoding)
                for content, size, after in items(source, value, length, stop, inner, depth):
                    below = index_item(source, content, size, after, inner, depth + 1)
                    own = encodings_of(source, below) if SPECIFIC_CHARACTER_SET in below else encodings
                    yield from self.texts(below, inner, own, depth=depth + 1, inside=tag in _PERSONS)
            elif stop - value <= _LONGEST and _identifies(tag, vr, row, self._options, inside=inside):
                text = text_of(vr, source.read(value, stop - value), encodings, encoding.order)
                if text:
                    yield vr, text


def _identifies(tag: int, vr: bytes, row: Row | None, options: frozenset[Option], *, inside: bool) -> bool:
    if vr == b"PN":
        return True
    if tag >> 16 & 1 or (vr not in CHARACTERS and vr != _AGE):
        return False
    if row is None:
        return inside
    return CLEAN not in row.options.values() and not row.options.keys() & options
