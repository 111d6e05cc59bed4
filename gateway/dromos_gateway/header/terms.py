# SPDX-License-Identifier: Apache-2.0
"""Defined terms of Specific Character Set (PS3.3 C.12.1.1.2) and Python's codecs for them.

pydicom has the same table, and the code for ISO 2022; it costs a process 45 MB, which is why it is asked for only where
a text really changes its character set on the way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

DEFAULT: Final = "iso8859"
_ALONE: Final = frozenset(("ISO_IR 192", "GBK", "GB18030"))  # UTF-8 and the like: no code extensions
_SPELT: Final = re.compile(r"^ISO(?:( 2022 )|[ _-]?)IR[ _-]?([0-9]+)$")
_PARTS: Final = {
    "6": DEFAULT,
    "13": "shift_jis",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso_ir_126",
    "127": "iso_ir_127",
    "138": "iso_ir_138",
    "144": "iso_ir_144",
    "148": "iso_ir_148",
    "166": "iso_ir_166",
    "203": "iso8859_15",
}
CODECS: Final = {
    "": DEFAULT,
    **{f"ISO_IR {number}": codec for number, codec in _PARTS.items()},
    **{f"ISO 2022 IR {number}": codec for number, codec in _PARTS.items()},
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 58": "iso_ir_58",
    "ISO 2022 58": "gb2312",
    "ISO_IR 192": "utf8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 GBK": "gbk",
}


def codecs(terms: Sequence[str]) -> tuple[str, ...]:
    """The codecs of an element's values, the first one first. LookupError when a term is unknown."""
    known = [CODECS.get(_term(term)) for term in terms]
    if None in known:
        raise LookupError(terms[known.index(None)])
    if _term(terms[0]) in _ALONE:
        return tuple(codec for codec in known[:1] if codec)
    # one that stands alone means nothing behind another
    return tuple(codec for term, codec in zip(terms, known, strict=True) if codec and _term(term) not in _ALONE)


def _term(text: str) -> str:
    """The defined term that is meant: some write ISO-IR 100 or ISO IR 100."""
    return _SPELT.sub(lambda found: f"ISO{found[1] or '_'}IR {found[2]}", text.strip())
